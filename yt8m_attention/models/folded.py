"""Folds a trained multi-attention network for inference: same predictions, fewer and larger matrix products.

Folding is exact. It changes these parts:

- dequantisation and l2 norm: a frame is (c + SHIFT) / |c + SHIFT| for centred bytes c = byte - 128, which bfloat16
  represents exactly. Products take c, and their results are divided by the length.
- input batch norm y = s x + t: folded into the products of the attention and of the pooled frames. Attention sums to
  one over a bag, so pooling leaves t unchanged.
- batch norms after products (reduction, hidden layer, context gate, probability gate): folded into the weights.
- mixture of experts: a softmax depends on differences only. The dummy's gate is subtracted from the others, which
  leaves K gates instead of K + 1.
- classes: only the selected ones are computed, except where the probability gate needs all classes.
- short bags: with fewer frames than heads, the hidden layer's product comes before pooling. Both are linear.

Letters: N frames, B bags, T frames of a bag, F features, D a stream's width, M heads, H hidden width, V classes,
C selected classes, K experts.
"""

import itertools
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from yt8m_attention import schema
from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.gated_attention import NORMALIZERS
from yt8m_attention.models.folded_classifier import FoldedClassifier
from yt8m_attention.models.folding import affine, tensor, weight
from yt8m_attention.models.multi_attention import MultiAttention
from yt8m_attention.ops.fusion import fused
from yt8m_attention.ops.normalize import LEAST_SQUARED_LENGTH

_CENTRE = 128
# Of a value v = step * byte + offset: v / step = (byte - 128) + SHIFT.
SHIFT = _CENTRE + schema.QUANTIZED_OFFSET / schema.QUANTIZED_STEP
_LEAST_SQUARED = LEAST_SQUARED_LENGTH / schema.QUANTIZED_STEP**2


class FoldedAttention:
    """Runs the forward pass of a MultiAttention at inference, with the model's weights at construction.

    Call: frames [B, T, F] and mask bool [B, T] -> the model's outputs by name, `probabilities` float32 [B, C]. A bag
    without frames has a finite prediction without meaning, which differs from the model's.

    Args:
      model: a built MultiAttention with a hidden layer.
      classes: int [C], the selected classes; None: all.
      dtype: dtype of the products, "float32" or "bfloat16"; all other work is float32.
    """

    def __init__(
        self, model: MultiAttention, classes: Sequence[int] | np.ndarray | None = None, dtype: str = "float32"
    ) -> None:
        self.dtype = dtype
        self.names = model.config.features.names
        self.heads = model.streams[0].num_heads
        self.normalizer = model.streams[0].normalizer
        scale, shift = affine(model.input_norm)
        starts = np.cumsum([0, *model.config.features.sizes])
        self.parts = [slice(*ends) for ends in itertools.pairwise(starts.tolist())]
        self.streams = [
            _FoldedStream(stream, scale[part], shift[part], dtype)
            for stream, part in zip(model.streams, self.parts, strict=True)
        ]
        assert model.hidden is not None
        kernel = weight(model.hidden.kernel)
        hidden_scale, hidden_shift = affine(model.hidden_norm)
        folded = scale[:, None] * kernel * hidden_scale
        self.hidden_kernels = [tensor(folded[part], dtype) for part in self.parts]
        self.hidden_offsets = [tensor(SHIFT * folded[part].sum(0)) for part in self.parts]
        self.hidden_bias = tensor((shift @ kernel) * hidden_scale + hidden_shift)
        self.classifier = FoldedClassifier(model, classes, dtype)

    def __call__(self, frames_BTF: Tensor, mask_BT: Tensor | None) -> dict[str, Tensor]:
        _, count, width = frames_BTF.shape
        centred_BTF, lengths_BT = _centre(frames_BTF, mask_BT, dtype=self.dtype)
        centred_NF, lengths_N = ops.reshape(centred_BTF, (-1, width)), ops.reshape(lengths_BT, (-1,))
        scores_SNM = self.scores(centred_NF, lengths_N)
        scores_SBTM = [ops.reshape(scores, (-1, count, self.heads)) for scores in scores_SNM]
        attention_SBTM = self.attend(scores_SBTM, mask_BT)
        if count < self.heads:
            projected_SNH = self.project(centred_NF, lengths_N)
            projected_SBTH = [ops.reshape(part, (-1, count, part.shape[-1])) for part in projected_SNH]
            hidden_BMH = self.pool_projected(attention_SBTM, projected_SBTH)
        else:
            hidden_BMH = self.pool(attention_SBTM, centred_BTF, lengths_BT)
        return self.answer(hidden_BMH, attention_SBTM)

    def frame_work(self, frames_NF: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Computes what windows over the same frames share: (scores [N, M], projected frames [N, H]) of each stream."""
        centred_NF, lengths_N = _centre(frames_NF, None, dtype=self.dtype)
        return self.scores(centred_NF, lengths_N), self.project(centred_NF, lengths_N)

    def window_work(self, shared: tuple[list[Tensor], list[Tensor]], places_BT: Tensor) -> dict[str, Tensor]:
        """Returns the outputs by name for windows of frames.

        Args:
          shared: the result of `frame_work`.
          places_BT: int [B, T], indices of each window's frames; there is no padding.
        """
        scores, projected = ([ops.take(part, places_BT, axis=0) for part in parts] for parts in shared)
        attention = self.attend(scores, None)
        return self.answer(self.pool_projected(attention, projected), attention)

    def scores(self, centred_NF: Tensor, lengths_N: Tensor) -> list[Tensor]:
        """Returns each stream's scores [N, M] before normalisation over a bag."""
        return [stream(part, lengths_N) for stream, part in zip(self.streams, self._split(centred_NF), strict=True)]

    def project(self, centred_NF: Tensor, lengths_N: Tensor) -> list[Tensor]:
        """Returns each stream's part of the hidden layer [N, H] for each frame."""
        return [
            _project(ops.matmul(part, kernel), offset, lengths_N, dtype=self.dtype)
            for part, kernel, offset in zip(
                self._split(centred_NF), self.hidden_kernels, self.hidden_offsets, strict=True
            )
        ]

    def attend(self, scores_SBTM: list[Tensor], mask_BT: Tensor | None) -> list[Tensor]:
        """Returns each stream's attention [B, T, M]."""
        return [_attend(scores, mask_BT, normalizer=self.normalizer) for scores in scores_SBTM]

    def pool_projected(self, attention_SBTM: list[Tensor], projected_SBTH: list[Tensor]) -> Tensor:
        """Returns hidden vectors [B, M, H], float32: pools projected frames."""
        weights_BMT = ops.transpose(ops.concatenate(attention_SBTM, axis=1), (0, 2, 1))
        frames_BTH = ops.concatenate(projected_SBTH, axis=1)
        pooled = ops.matmul(ops.cast(weights_BMT, self.dtype), frames_BTH)
        return ops.cast(pooled, "float32") + self.hidden_bias

    def pool(self, attention_SBTM: list[Tensor], centred_BTF: Tensor, lengths_BT: Tensor) -> Tensor:
        """Returns hidden vectors [B, M, H], float32: pools frames, then projects them."""
        total = self.hidden_bias
        parts = zip(attention_SBTM, self._split(centred_BTF), self.hidden_kernels, self.hidden_offsets, strict=True)
        for attention_BTM, part_BTD, kernel, offset in parts:
            weights_BMT = ops.transpose(attention_BTM / lengths_BT[..., None], (0, 2, 1))
            pooled_BMD = ops.matmul(ops.cast(weights_BMT, self.dtype), part_BTD)
            product = ops.cast(ops.matmul(pooled_BMD, kernel), "float32")
            total = total + product + ops.sum(weights_BMT, axis=-1, keepdims=True) * offset
        return total

    def answer(self, hidden_BMH: Tensor, attention_SBTM: list[Tensor]) -> dict[str, Tensor]:
        """Returns the outputs by name: probabilities, attention and each stream's attention."""
        named = {f"attention_{name}": a for name, a in zip(self.names, attention_SBTM, strict=True)}
        named["attention"] = sum(attention_SBTM) / len(attention_SBTM)
        return {"probabilities": self.classifier(hidden_BMH), **named}

    def _split(self, centred):
        return [centred[..., part] for part in self.parts]


class _FoldedStream:
    """Centred frames [N, D] and their lengths [N] to scores [N, M]."""

    def __init__(self, stream, scale, shift, dtype):
        self.heads, self.dtype = stream.num_heads, dtype
        kernel = weight(stream.reduce.kernel)
        norm_scale, norm_shift = affine(stream.reduce_norm)
        folded = scale[:, None] * kernel * norm_scale
        self.kernel = tensor(folded, dtype)
        self.offset = tensor(SHIFT * folded.sum(0))
        self.bias = tensor((shift @ kernel) * norm_scale + norm_shift)
        attention = stream.attention
        both = np.concatenate([weight(attention.tanh_kernel), weight(attention.sigmoid_kernel)], axis=1)
        self.gate_kernel = tensor(both, dtype)
        self.score_kernel = tensor(weight(attention.score_kernel))

    def __call__(self, centred_ND, lengths_N):
        reduced = _reduce(ops.matmul(centred_ND, self.kernel), self.offset, lengths_N, self.bias, dtype=self.dtype)
        return _score(ops.matmul(reduced, self.gate_kernel), self.score_kernel)


@fused
def _centre(frames, mask, *, dtype):
    """Converts frames [..., F] to (centred bytes in dtype, lengths in quantisation steps, float32 [...])."""
    if keras.backend.standardize_dtype(frames.dtype) == "uint8":
        centred = ops.cast(frames, "float32") - _CENTRE
    else:
        centred = ops.cast(frames, "float32") / schema.QUANTIZED_STEP - SHIFT
    if mask is not None:
        centred = ops.where(ops.expand_dims(mask, -1), centred, 0.0)
    squared = ops.sum(ops.square(centred + SHIFT), axis=-1)
    return ops.cast(centred, dtype), ops.sqrt(ops.maximum(squared, _LEAST_SQUARED))


@fused
def _project(product_NH, offset, lengths_N, *, dtype):
    return ops.cast((ops.cast(product_NH, "float32") + offset) / lengths_N[:, None], dtype)


@fused
def _reduce(product_NC, offset, lengths_N, bias, *, dtype):
    return ops.cast((ops.cast(product_NC, "float32") + offset) / lengths_N[:, None] + bias, dtype)


@fused
def _score(gates_N2MU, score_kernel_MU):
    heads, units = score_kernel_MU.shape
    gates = ops.reshape(ops.cast(gates_N2MU, "float32"), (-1, 2, heads, units))
    return ops.sum(ops.tanh(gates[:, 0]) * ops.sigmoid(gates[:, 1]) * score_kernel_MU, axis=-1)


@fused
def _attend(scores_BTM, mask_BT, *, normalizer):
    mask_BT1 = None if mask_BT is None else ops.expand_dims(mask_BT, -1)
    return NORMALIZERS[normalizer](scores_BTM, mask=mask_BT1, axis=1)


def fold(
    model: keras.Model, classes: Sequence[int] | np.ndarray | None = None, dtype: str = "float32"
) -> FoldedAttention | None:
    """Returns a model's FoldedAttention, or None when the model cannot be folded. Args: see FoldedAttention."""
    if not isinstance(model, MultiAttention) or model.hidden is None:
        return None
    return FoldedAttention(model, classes, dtype)
