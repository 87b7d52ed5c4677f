"""Measures' names for people: one line each, with what it is called, which way is better, and whether it is a share in percent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Named:
    """``title`` "": the measure's own name. ``lower``: less of it is better. ``percent``: pages show it so."""

    title: str = ""
    lower: bool = False
    percent: bool = False


METRICS: dict[str, Named] = {
    "accuracy": Named(percent=True),
    "balanced_accuracy": Named(percent=True),
    "macro_f1": Named("macro F1", percent=True),
    "precision": Named(percent=True),
    "recall": Named(percent=True),
    "f1": Named("F1", percent=True),
    "top_3": Named("top-3 accuracy", percent=True),
    "top_5": Named("top-5 accuracy", percent=True),
    "fid": Named("Fréchet distance on features", lower=True),
    "fid_floor": Named("… of two real samples (floor)"),
    "kid": Named("kernel distance (KID) on features", lower=True),
    "kid_floor": Named("… of two real samples (floor)"),
    "manifold_precision": Named("precision: samples within the real manifold"),
    "manifold_recall": Named("recall: real images within the generated manifold"),
    "recognised": Named("recognised (p ≥ 0.9)"),
    "as_asked": Named("of the requested class"),
    "recognised_real": Named("… of real images"),
    "class_entropy": Named("entropy of the classes [nats]"),
    "class_entropy_real": Named("… of real images [nats]"),
    "memorised_pixels": Named("memorised, by pixels", lower=True),
    "memorised_features": Named("memorised, by features", lower=True),
    "elbo": Named("ELBO [nats]"),
    "iw_nll": Named("−log p(x), importance-weighted [nats]", lower=True),
    "reconstruction": Named("reconstruction, −log p(x | z) [nats]", lower=True),
    "kl": Named("KL divergence [nats]", lower=True),
    "auroc": Named("AUROC"),
    "coverage_90": Named("coverage of 90 % intervals"),
    "mae": Named("mean absolute error", lower=True),
    "mean_error": Named("mean error [°]", lower=True),
    "median_error": Named("median error [°]", lower=True),
    "r2": Named("R²"),
    "rmse": Named("root mean square error", lower=True),
    "known_kept": Named("known classes kept"),
    "unseen_auroc": Named("AUROC, known vs unseen classes"),
    "unseen_refused": Named("unseen classes refused"),
    "within_10": Named("within 10°"),
    "within_30": Named("within 30°"),
    "within_90": Named("within 90°"),
    "brier": Named("Brier score", lower=True),
    "ece": Named("ECE", lower=True),
    "ece_calibrated": Named("ECE, calibrated", lower=True),
    "hd95": Named("95 % Hausdorff distance (HD95) [pixels]", lower=True),
    "image_dice": Named("Dice, mean over images"),
    "group_dice": Named("Dice, mean over groups"),
    "iou": Named("IoU"),
    "mean_dice": Named("Dice, mean over classes"),
    "mean_iou": Named("IoU, mean over classes"),
    "object_f1": Named("F1 of objects (IoU above 0.5)"),
    "object_f1_50_95": Named("F1 of objects, mean over IoU 0.5 … 0.95"),
    "object_precision": Named("precision of objects (IoU above 0.5)"),
    "object_recall": Named("recall of objects (IoU above 0.5)"),
    "count_error": Named("count error [objects per image]", lower=True),
    "relative_count_error": Named("relative count error", lower=True),
    "ap50": Named("AP50 (IoU 0.5)", percent=True),
    "ap50_95": Named("AP50-95", percent=True),
    "psnr": Named("PSNR, as published [dB]"),
    "hidden_psnr": Named("PSNR of hidden pixels [dB]"),
    "hidden_nrmse": Named("error of hidden pixels, relative to the range", lower=True),
    "gain": Named("PSNR gain over the input (enlarged if smaller) [dB]"),
    "psnr_all": Named("PSNR over all channels and pixels [dB]"),
    "psnr_invariant": Named("PSNR, range-invariant [dB]"),
    "ssim": Named("SSIM"),
    "nrmse": Named("root mean square error, relative to the range", lower=True),
    "style_left": Named("style loss, relative to the photo's", lower=True),
    "palette_left": Named("palette distance, relative to the photo's", lower=True),
    "edge_correlation": Named("correlation of Sobel edges with the photo's"),
    "count_bias": Named("count bias [objects per image]"),
    "kappa": Named("Cohen's kappa"),
    "log_loss": Named(lower=True),
    "nll": Named(lower=True),
}
PERCENT = tuple(name for name, metric in METRICS.items() if metric.percent)


def title(name: str) -> str:
    """A measure's name as a page shows it."""
    return METRICS.get(name, Named()).title or name.replace("_", " ")


def lower_is_better(name: str) -> bool:
    """Whether less of it is better; of one target or class ("mae: width") as of all."""
    lower = (known for known, metric in METRICS.items() if metric.lower)
    return any(name == known or name.startswith((f"{known}: ", f"{known} ")) for known in lower)
