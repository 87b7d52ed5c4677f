"""Measures' names for people."""

from __future__ import annotations

PERCENT = ("accuracy", "balanced_accuracy", "macro_f1", "precision", "recall", "f1", "top_3", "top_5")
LOWER_IS_BETTER = (
    "brier",
    "ece",
    "ece_calibrated",
    "log_loss",
    "mae",
    "rmse",
    "median_error",
    "mean_error",
    "hd95",
    "count_error",
    "relative_count_error",
    "nll",
    "iw_nll",
    "reconstruction",
    "kl",
    "fid",
    "kid",
    "memorised_pixels",
    "memorised_features",
)
TITLES = {
    "fid": "Fréchet distance on features",
    "fid_floor": "… of two real samples (floor)",
    "kid": "kernel distance (KID) on features",
    "kid_floor": "… of two real samples (floor)",
    "manifold_precision": "precision: samples within the real manifold",
    "manifold_recall": "recall: real images within the generated manifold",
    "recognised": "recognised (p ≥ 0.9)",
    "as_asked": "of the class that was asked for",
    "recognised_real": "… of real images",
    "class_entropy": "entropy of the classes [nats]",
    "class_entropy_real": "… of real images [nats]",
    "memorised_pixels": "memorised, by pixels",
    "memorised_features": "memorised, by features",
    "elbo": "ELBO [nats]",
    "iw_nll": "−log p(x), importance-weighted [nats]",
    "reconstruction": "reconstruction, −log p(x | z) [nats]",
    "kl": "KL divergence [nats]",
    "auroc": "AUROC",
    "coverage_90": "90 % intervals that held",
    "mae": "mean absolute error",
    "mean_error": "mean error [°]",
    "median_error": "median error [°]",
    "r2": "R²",
    "rmse": "root mean square error",
    "known_kept": "known classes kept",
    "unseen_auroc": "AUROC, known from unseen classes",
    "unseen_refused": "unseen classes refused",
    "within_10": "within 10°",
    "within_30": "within 30°",
    "within_90": "within 90°",
    "brier": "Brier score",
    "ece": "ECE",
    "ece_calibrated": "ECE, calibrated",
    "f1": "F1",
    "hd95": "boundary distance (HD95, pixels)",
    "image_dice": "Dice, mean over images",
    "group_dice": "Dice, mean over groups",
    "iou": "IoU",
    "mean_dice": "Dice, mean over classes",
    "mean_iou": "IoU, mean over classes",
    "object_f1": "F1 of objects (IoU above 0.5)",
    "object_f1_50_95": "F1 of objects, mean over IoU 0.5 … 0.95",
    "object_precision": "precision of objects (IoU above 0.5)",
    "object_recall": "recall of objects (IoU above 0.5)",
    "count_error": "error of the count, objects an image",
    "relative_count_error": "error of the count, share of all objects",
    "kappa": "Cohen's kappa",
    "macro_f1": "macro F1",
    "top_3": "top-3 accuracy",
    "top_5": "top-5 accuracy",
}


def title(name: str) -> str:
    """A measure's name as a page shows it."""
    return TITLES.get(name, name.replace("_", " "))


def lower_is_better(name: str) -> bool:
    """Whether less of it is better; of one quantity or class ("mae: width") as of all."""
    return any(name == known or name.startswith((f"{known}: ", f"{known} ")) for known in LOWER_IS_BETTER)
