"""Reference implementations of the layers in numpy and float64.

Each takes its weights as a dict, by their paths relative to the layer.
"""

import numpy as np

from yt8m_attention.layers.masked_batch_normalization import EPSILON


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def below(weights, prefix):
    """The weights under a prefix, by their paths relative to it."""
    return {k.removeprefix(prefix + "/"): v for k, v in weights.items() if k.startswith(prefix + "/")}


def l2_norm(frames, mask):
    lengths = np.sqrt(np.sum(np.square(frames, dtype=np.float64), axis=-1, keepdims=True))
    return np.where(mask[..., None] & (lengths > 1e-6), frames / np.maximum(lengths, 1e-12), 0.0)


def batch_norm(weights, x):
    """At inference."""
    deviation = np.sqrt(weights["moving_variance"] + EPSILON)
    return (x - weights["moving_mean"]) / deviation * weights["gamma"] + weights["beta"]


def masked_moments(x, mask):
    """Mean and variance of each feature over the entries of the mask."""
    entries = np.asarray(x, np.float64)[mask]
    return entries.mean(axis=0), entries.var(axis=0)


def softmax(scores):
    exponentials = np.exp(scores - scores.max())
    return exponentials / exponentials.sum()


def sparsemax(scores):
    """Martins & Astudillo 2016, algorithm 1, for one row."""
    ranked = np.sort(scores)[::-1]
    sums = np.cumsum(ranked)
    support = np.nonzero(1 + np.arange(1, len(scores) + 1) * ranked > sums)[0][-1] + 1
    return np.maximum(scores - (sums[support - 1] - 1) / support, 0.0)


def gated_attention(weights, h, mask, normalizer):
    """One bag and head at a time: [B, T, M]."""
    heads, units = weights["score_kernel"].shape
    attention = np.zeros((*h.shape[:2], heads))
    for head in range(heads):
        columns = slice(head * units, (head + 1) * units)
        tanh, gate = np.tanh(h @ weights["tanh_kernel"][:, columns]), sigmoid(h @ weights["sigmoid_kernel"][:, columns])
        scores = (tanh * gate) @ weights["score_kernel"][head]
        for bag in range(len(h)):
            if mask[bag].any():
                attention[bag, mask[bag], head] = normalizer(scores[bag, mask[bag]])
    return attention


def pool(frames, attention):
    return np.stack([(attention[..., m : m + 1] * frames).sum(axis=1) for m in range(attention.shape[-1])], axis=1)


def context_gating(weights, x):
    return x * sigmoid(batch_norm(below(weights, "batch_norm"), x @ weights["kernel"]))


def logistic(weights, x):
    return sigmoid(x @ weights["kernel"] + weights["bias"])


def mixture_of_experts(weights, x):
    """Softmax over the gates of one class at a time; the dummy's gate is the last."""
    gate_kernels = [weights[f"gate_kernel_{k}"] for k in range(sum(k.startswith("gate_kernel") for k in weights))]
    gates = np.stack([x @ kernel for kernel in gate_kernels], axis=-1)
    gates = np.apply_along_axis(softmax, -1, gates)
    experts = range(len(gate_kernels) - 1)
    answers = [sigmoid(x @ weights[f"expert_kernel_{k}"] + weights[f"expert_bias_{k}"]) for k in experts]
    probabilities = sum(gates[..., k] * answers[k] for k in experts)
    if "probability_kernel" not in weights:
        return probabilities
    second = batch_norm(below(weights, "batch_norm"), probabilities @ weights["probability_kernel"])
    return probabilities * sigmoid(second)
