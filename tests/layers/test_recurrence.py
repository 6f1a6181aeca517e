import abc

import keras
import numpy as np
import pytest

from tests.layer_case import AffineCase, assert_close
from tests.numpy_layers import sigmoid
from yt8m_attention.layers.recurrence import Recurrence


class RecurrenceCase(AffineCase):
    kind = None
    parts = None

    def make(self, **kwargs):
        return Recurrence(self.kind, 4, **kwargs)

    @abc.abstractmethod
    def step(self, weights, gates, state):
        """Maps a projected frame [parts, U] and a state to the next state, a tuple whose first item is the output."""

    def reference(self, weights, mask, frames):
        """One bag and frame at a time; a masked frame keeps the state."""
        states = np.zeros((*mask.shape, 4))
        for bag, real, found in zip(np.float64(frames), mask, states, strict=True):
            state = (np.zeros(4), np.zeros(4))
            for t, frame in enumerate(bag):
                if real[t]:
                    gates = (frame @ weights["kernel"] + weights["bias"]).reshape(self.parts, 4)
                    state = self.step(weights, gates, state)
                found[t] = state[0]
        return states

    def test_keras_own_layer_agrees(self):
        layer, frames = self.built(), self.inputs(np.random.default_rng(0))[0]
        theirs = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[self.kind](4, return_sequences=True)
        theirs.build(frames.shape)
        theirs.set_weights(self.for_keras({w.path.split("layer/")[-1]: w.numpy() for w in layer.weights}))
        assert_close(layer(frames), theirs(frames))

    def test_masked_frames_carry_the_state(self):
        layer, rng = self.built(), np.random.default_rng(0)
        frames = self.inputs(rng)[0]
        mask = np.tile([True, False, True, False, True], (3, 1))
        states = np.asarray(layer(frames, mask=mask))
        assert_close(states[:, [0, 2, 4]], layer(frames[:, ::2]))
        assert_close(states[:, 1::2], states[:, 0:4:2], 0)


class TestGRU(RecurrenceCase):
    kind, parts = "gru", 3
    counts = ((6 * 12 + 12) + (4 * 12 + 4), 0)

    def step(self, weights, gates, state):
        own = (weights["steps/cell/recurrent_kernel"] @ state[0]).reshape(3, 4)
        update, reset = sigmoid(gates[0] + own[0]), sigmoid(gates[1] + own[1])
        candidate = np.tanh(gates[2] + reset * (own[2] + weights["steps/cell/recurrent_bias"]))
        return (update * state[0] + (1 - update) * candidate,)

    def for_keras(self, weights):
        own = np.concatenate([np.zeros(8), weights["steps/cell/recurrent_bias"]])
        return [weights["kernel"], weights["steps/cell/recurrent_kernel"].T, np.stack([weights["bias"], own])]


class TestLSTM(RecurrenceCase):
    kind, parts = "lstm", 4
    counts = ((6 * 16 + 16) + 4 * 16, 0)

    def step(self, weights, gates, state):
        i, f, o, n = gates + (weights["steps/cell/recurrent_kernel"] @ state[0]).reshape(4, 4)
        memory = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(n)
        return sigmoid(o) * np.tanh(memory), memory

    def for_keras(self, weights):
        """Keras' order is input, forget, new, output."""
        order = np.arange(16).reshape(4, 4)[[0, 1, 3, 2]].ravel()
        kernels = weights["kernel"], weights["steps/cell/recurrent_kernel"].T, weights["bias"]
        return [kernel[..., order] for kernel in kernels]

    def test_begins_by_remembering(self):
        layer = Recurrence("lstm", 4)
        layer.build((None, None, 6))
        assert_close(layer.bias, [0.0] * 4 + [1.0] * 4 + [0.0] * 8, 0)


def test_unknown_kind_is_rejected():
    with pytest.raises(ValueError, match="kind: found 'rnn', wanted one of gru, lstm"):
        Recurrence("rnn", 4)
