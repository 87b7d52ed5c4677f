"""Measures' names for people: one line each, with what it is called, which way is better, and on which scale it lies."""

from __future__ import annotations

from dataclasses import dataclass

from neocog.metrics.intervals import Scale


@dataclass(frozen=True)
class Named:
    """``title`` "": the measure's own name. ``lower``: less of it is better. ``percent``: pages show it so. ``scale``: that of its
    intervals, which do not leave it."""

    title: str = ""
    lower: bool = False
    percent: bool = False
    scale: Scale = "any"


METRICS: dict[str, Named] = {
    "accuracy": Named(percent=True, scale="share"),
    "balanced_accuracy": Named(percent=True, scale="share"),
    "macro_f1": Named("macro F1", percent=True, scale="share"),
    "precision": Named(percent=True, scale="share"),
    "recall": Named(percent=True, scale="share"),
    "f1": Named("F1", percent=True, scale="share"),
    "top_3": Named("top-3 accuracy", percent=True, scale="share"),
    "top_5": Named("top-5 accuracy", percent=True, scale="share"),
    "fid": Named("Fréchet distance on features", lower=True, scale="positive"),
    "fid_floor": Named("… of two real samples (floor)", scale="positive"),
    "kid": Named("kernel distance (KID) on features", lower=True),
    "kid_floor": Named("… of two real samples (floor)"),
    "manifold_precision": Named("precision: samples within the real manifold", scale="share"),
    "manifold_recall": Named("recall: real images within the generated manifold", scale="share"),
    "recognised": Named("recognised (p ≥ 0.9)", scale="share"),
    "as_asked": Named("of the requested class", scale="share"),
    "recognised_real": Named("… of real images", scale="share"),
    "class_entropy": Named("entropy of the classes [nats]", scale="positive"),
    "class_entropy_real": Named("… of real images [nats]", scale="positive"),
    "memorised_pixels": Named("memorised, by pixels", lower=True, scale="share"),
    "memorised_features": Named("memorised, by features", lower=True, scale="share"),
    "elbo": Named("ELBO [nats]"),
    "iw_nll": Named("−log p(x), importance-weighted [nats]", lower=True),
    "reconstruction": Named("reconstruction, −log p(x | z) [nats]", lower=True),
    "kl": Named("KL divergence [nats]", lower=True, scale="positive"),
    "auroc": Named("AUROC", scale="share"),
    "error_coverage": Named(scale="share"),
    "coverage_90": Named("coverage of 90 % intervals", scale="share"),
    "mae": Named("mean absolute error", lower=True, scale="positive"),
    "mean_error": Named("mean error [°]", lower=True, scale="angle"),
    "median_error": Named("median error [°]", lower=True, scale="angle"),
    "r2": Named("R²", scale="below one"),
    "rmse": Named("root mean square error", lower=True, scale="squares"),
    "known_kept": Named("known classes kept", scale="share"),
    "unseen_auroc": Named("AUROC, known vs unseen classes", scale="share"),
    "unseen_refused": Named("unseen classes refused", scale="share"),
    "within_10": Named("within 10°", scale="share"),
    "within_30": Named("within 30°", scale="share"),
    "within_90": Named("within 90°", scale="share"),
    "brier": Named("Brier score", lower=True, scale="brier"),
    "ece": Named("ECE", lower=True, scale="positive"),
    "ece_calibrated": Named("ECE, calibrated", lower=True, scale="positive"),
    "hd95": Named("95 % Hausdorff distance (HD95) [pixels]", lower=True, scale="positive"),
    "image_dice": Named("Dice, mean over images", scale="share"),
    "group_dice": Named("Dice, mean over groups", scale="share"),
    "iou": Named("IoU", scale="share"),
    "mean_dice": Named("Dice, mean over classes", scale="share"),
    "mean_iou": Named("IoU, mean over classes", scale="share"),
    "object_f1": Named("F1 of objects (IoU above 0.5)", scale="share"),
    "object_f1_50_95": Named("F1 of objects, mean over IoU 0.5 … 0.95", scale="share"),
    "object_precision": Named("precision of objects (IoU above 0.5)", scale="share"),
    "object_recall": Named("recall of objects (IoU above 0.5)", scale="share"),
    "count_error": Named("count error [objects per image]", lower=True, scale="positive"),
    "relative_count_error": Named("relative count error", lower=True, scale="positive"),
    "ap50": Named("AP50 (IoU 0.5)", percent=True, scale="share"),
    "ap50_95": Named("AP50-95", percent=True, scale="share"),
    "psnr": Named("PSNR, as published [dB]"),
    "hidden_psnr": Named("PSNR of hidden pixels [dB]"),
    "hidden_nrmse": Named("error of hidden pixels, relative to the range", lower=True, scale="positive"),
    "gain": Named("PSNR gain over the input (enlarged if smaller) [dB]"),
    "psnr_all": Named("PSNR over all channels and pixels [dB]"),
    "psnr_invariant": Named("PSNR, range-invariant [dB]"),
    "ssim": Named("SSIM", scale="share"),
    "nrmse": Named("root mean square error, relative to the range", lower=True, scale="positive"),
    "style_left": Named("style loss, relative to the photo's", lower=True, scale="positive"),
    "palette_left": Named("palette distance, relative to the photo's", lower=True, scale="positive"),
    "edge_correlation": Named("correlation of Sobel edges with the photo's", scale="correlation"),
    "count_bias": Named("count bias [objects per image]"),
    "pixel_accuracy": Named(scale="share"),
    "dice": Named("Dice", scale="share"),
    "kappa": Named("Cohen's kappa", scale="correlation"),
    "log_loss": Named(lower=True, scale="positive"),
    "nll": Named(lower=True),
}
PERCENT = tuple(name for name, metric in METRICS.items() if metric.percent)


def title(name: str) -> str:
    """A measure's name as a page shows it."""
    return METRICS.get(name, Named()).title or name.replace("_", " ")


def lower_is_better(name: str) -> bool:
    """Whether less of it is better; of one target or class ("mae: width") as of all."""
    return _known(name).lower


def scale_of(name: str) -> Scale:
    """That of its intervals; of one target or class as of all.

    >>> scale_of("mae width"), scale_of("dice: cell"), scale_of("count_bias")
    ('positive', 'share', 'any')
    """
    return _known(name).scale


def _known(name: str) -> Named:
    """Of one target or class ("mae: width") that of all."""
    whole = (known for known in METRICS if name == known or name.startswith((f"{known}: ", f"{known} ")))
    return METRICS.get(next(whole, ""), Named())
