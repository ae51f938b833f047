"""Writes scipy_reference.json: rank correlations and measures of outputs by scipy and numpy, in float64.

Run it in this folder: python3 make_reference.py (Debian 12: apt-get install python3-scipy).
"""
import json
import numpy as np
from scipy import stats
from scipy.special import expit, softmax

random = np.random.default_rng(20)
correlations = []
for n, ties in [(3, 0), (4, 0), (5, 3), (6, 0), (7, 3), (7, 0), (12, 0), (12, 4), (31, 5)]:
    x = random.integers(0, ties, n).astype(float) if ties else random.normal(size=n)
    y = 0.5 * x + random.normal(size=n)
    if ties:
        y = np.round(y)
    case = {"x": x.tolist(), "y": y.tolist(), "spearman": stats.spearmanr(x, y).statistic,
            "kendall": stats.kendalltau(x, y, variant="b").statistic}
    if n <= 7:
        for name, statistic in [("spearman_p", lambda a: stats.spearmanr(a, y).statistic),
                                ("kendall_p", lambda a: stats.kendalltau(a, y).statistic)]:
            test = stats.permutation_test((x,), statistic, permutation_type="pairings", n_resamples=np.inf)
            case[name] = np.mean(np.abs(test.null_distribution) >= abs(test.statistic) - 1e-9)
    correlations.append(case)

measures = []
for images, classes, scale in [(1, 2, 1), (5, 3, 4), (33, 10, 12), (17, 4, 60)]:
    before = (scale * random.normal(size=(images, classes))).astype(np.float32)
    after = (before + 0.4 * scale * random.normal(size=(images, classes))).astype(np.float32)
    labels = random.integers(0, classes, images)
    case = {"classes": classes, "before": before.ravel().tolist(), "after": after.ravel().tolist(), "labels": labels.tolist()}
    q = np.bincount(labels, minlength=classes) / images
    u = np.full(classes, 1 / classes)
    for kind in ["softmax", "sigmoid"]:
        def of(x):
            x = x.astype(np.float64)
            return softmax(x, axis=1) if kind == "softmax" else expit(x) / expit(x).sum(axis=1, keepdims=True)

        def outputs(x):
            p = of(x)
            mean = p.mean(axis=0)
            right = x.argmax(axis=1) == labels
            return {"top1": 100 * right.mean(), "confidence": p.max(axis=1).mean(),
                    "label_probability": p[np.arange(images), labels].mean(), "entropy": stats.entropy(p, axis=1).mean(),
                    "kl_uniform": stats.entropy(mean, u), "tv_uniform": np.abs(mean - u).sum() / 2,
                    "kl_labels": stats.entropy(q, mean), "tv_labels": np.abs(mean - q).sum() / 2, "mean": mean.tolist()}

        a, b = before.argmax(axis=1), after.argmax(axis=1)
        case[kind] = {
            "before": outputs(before), "after": outputs(after),
            "change": {"agreement": 100 * (a == b).mean(), "forgotten": 100 * ((a == labels) & (b != labels)).mean(),
                       "gained": 100 * ((a != labels) & (b == labels)).mean(),
                       "divergence": stats.entropy(of(before), of(after), axis=1).mean(),
                       "tv_shift": np.abs(of(before).mean(axis=0) - of(after).mean(axis=0)).sum() / 2}}
    measures.append(case)

with open("scipy_reference.json", "w") as file:
    json.dump({"correlations": correlations, "measures": measures}, file)
