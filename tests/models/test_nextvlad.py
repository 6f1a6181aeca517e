import keras
import numpy as np
import pytest

from tests.layer_case import assert_close
from tests.models.network_case import NetworkCase, bags, trainable
from tests.models.test_clusters_and_filters import LOGISTIC, SHARED, OrderFree
from yt8m_attention import config
from yt8m_attention.errors import UserError
from yt8m_attention.losses.mutual_distillation import mutual_distillation
from yt8m_attention.models import registry
from yt8m_attention.models.mix_nextvlad import TEMPERATURE, logit


def stream(width, clusters, groups, hidden, expansion=2):
    """Number of trainable weights of a stream, and of its part of the hidden layer."""
    wide = width * expansion
    vlad = clusters * wide // groups
    gates = (width * wide + wide) + (wide * groups + groups) + (wide * groups * clusters + 2 * groups * clusters)
    return gates + vlad + 2 * vlad + vlad * hidden


class TestNextVlad(OrderFree):
    model = "nextvlad"

    def test_parameters(self):
        wanted = SHARED + stream(1024, 128, 8, 1024) + stream(128, 64, 4, 1024)
        assert trainable(registry.build(config.Model(model="nextvlad", **LOGISTIC))) == wanted

    def test_groups_must_divide(self):
        with pytest.raises(UserError, match="--nextvlad_groups: found 10, wanted a number"):
            self.build(nextvlad_groups=10)


class TestMixNextVlad(NetworkCase):
    model = "mix_nextvlad"

    def settings(self, **changes):
        """Two members of one stream, to build two NeXtVLADs instead of six."""
        few = {"mix_number": 2, "features": config.Features(("rgb",), (20,)), "attention_sizes": None, **LOGISTIC}
        return super().settings(**(few | changes))

    def test_parameters(self):
        one, mixture = self.build(model="nextvlad"), self.build(mix_number=3)
        assert trainable(mixture) == 3 * trainable(one) + 2 * 20 + 20 * 3 + 3

    def test_is_the_mean_of_its_members_logits_under_equal_shares(self):
        model, inputs = self.build(), bags()
        model.shares.kernel.assign(model.shares.kernel * 0)
        model.shares.bias.assign(model.shares.bias * 0)
        answers = [member(inputs)["probabilities"] for member in model.members]
        wanted = keras.ops.sigmoid((logit(answers[0]) + logit(answers[1])) / 2)
        assert_close(model(inputs)["probabilities"], wanted, 1e-4)

    def test_one_share_of_all_is_that_member(self):
        model, inputs = self.build(), bags()
        model.shares.kernel.assign(model.shares.kernel * 0)
        model.shares.bias.assign([-100.0, 100.0])
        assert_close(model(inputs)["probabilities"], model.members[1](inputs)["probabilities"], 1e-4)

    def test_members_learn_from_the_mixture_only_in_training(self):
        model, inputs = self.build(l2_penalty=0.0), bags()
        model(inputs)
        assert float(sum(model.losses)) == 0
        answer = model(inputs, training=True)["probabilities"]
        loss = float(sum(model.losses))
        assert loss > 0
        # In training, batch norms use the batch's statistics, so the members are called in training mode too.
        members = [logit(member(inputs, training=True)["probabilities"]) for member in model.members]
        mask = inputs["mask"].any(axis=1)
        assert loss == pytest.approx(
            float(mutual_distillation(np.stack(members, axis=1), logit(answer), TEMPERATURE, mask)), rel=1e-3
        )
        model(inputs)
        assert float(sum(model.losses)) == 0

    def test_padding_does_not_change_what_is_learned(self):
        model, inputs = self.build(l2_penalty=0.0), bags()
        model(inputs, training=True)
        without = float(sum(model.losses))
        empty = {name: np.concatenate([value, np.zeros_like(value[:2])]) for name, value in inputs.items()}
        model(empty, training=True)
        assert float(sum(model.losses)) == pytest.approx(without, rel=1e-4)

    def test_a_mixture_needs_two(self):
        with pytest.raises(UserError, match="--mix_number: found 1, wanted 2 to"):
            config.Model(mix_number=1)
