"""A model in training: what a step of it computes, keeps and moves, and what its whole run took.

Mixed precision with Adam: weights and gradients in 16 bits, states of the optimizer in 32
[@rajbhandari-2020]. Sizes and traffic are those of one copy of the model, over all of its chips,
which share them evenly and at no cost.
"""

import math
from dataclasses import dataclass
from functools import cached_property

from reportlib.calculations import decode, training
from reportlib.calculations.precision import BYTES_PER_VALUE
from reportlib.calculations.transformer import matmul_flop
from reportlib.cases.models import flop_per_token, parameters, prompt_flop
from reportlib.cases.steps import peak_compute
from reportlib.params import Model, Params, Precision
from reportlib.units import Bytes, Count

PRECISION: Precision = "bf16"  # of weights and gradients
WIDTH: Bytes = BYTES_PER_VALUE[PRECISION]


@dataclass(frozen=True)
class TrainingStep:
    """A step of training, as one copy of the model takes it; tokens may be an array."""

    model: Model
    tokens: Count  # of the step
    sequence_length: Count  # by which they attend to each other
    passes: Count = 1  # into which they are split
    recomputed: bool = False  # whether only the inputs of layers are kept

    @property
    def weight_bytes(self) -> Bytes:
        """Memory of the weights."""
        return parameters(self.model).total * WIDTH

    @property
    def gradient_bytes(self) -> Bytes:
        """Memory of the gradients."""
        return parameters(self.model).total * WIDTH

    @property
    def optimizer_bytes(self) -> Bytes:
        """Memory of the optimizer's states."""
        return parameters(self.model).total * training.OPTIMIZER_BYTES

    @property
    def activation_bytes(self) -> Bytes:
        """Memory of what a pass keeps for going backwards; of models unlike GPT, about."""
        kept = training.CHECKPOINT_BYTES if self.recomputed else training.KEPT_BYTES
        return training.activation_bytes(
            tokens=self.tokens / self.passes,
            layers=self.model.architecture.layers,
            hidden_size=self.model.architecture.hidden_size,
            bytes_per_value=kept,
        )

    @property
    def memory_bytes(self) -> Bytes:
        """Memory of all of these."""
        states = training.training_state_bytes(
            parameters=parameters(self.model).total,
            weight_bytes=WIDTH,
            gradient_bytes=WIDTH,
            optimizer_bytes=training.OPTIMIZER_BYTES,
        )
        return states + self.activation_bytes

    @cached_property
    def flop(self) -> Count:
        """FLOP of the step: all tokens of a sequence have an output, unlike those of a prompt."""
        head = matmul_flop(parameters(self.model).by_class["head"], self.sequence_length - 1)
        sequence = prompt_flop(self.model, self.sequence_length) + head
        forward = sequence * self.tokens / self.sequence_length
        return training.training_flop(forward, float(self.recomputed))

    @cached_property
    def traffic(self) -> Bytes:
        """Bytes that the step moves to and from memory."""
        return training.training_traffic(
            read_bytes=parameters(self.model).read(self.tokens / self.passes) * WIDTH,
            weight_bytes=self.weight_bytes,
            gradient_bytes=self.gradient_bytes,
            optimizer_bytes=self.optimizer_bytes,
            activation_bytes=self.passes * self.activation_bytes,
            passes=self.passes,
            recomputed_share=float(self.recomputed),
        )


def run_flop(model: Model) -> Count:
    """FLOP of the run that made *model*, attention left out; NaN where its tokens are not known."""
    tokens = model.training.tokens.value if model.training else math.nan
    return training.training_flop(matmul_flop(parameters(model).active, tokens), recomputed_share=0)


def reached_share(numbers: Params, model: Model) -> Count:
    """Share of the dense peak in 16 bits that the run reached; NaN where anything is not known."""
    chip = numbers.chips.get(model.training.chip) if model.training else None
    if model.training is None or chip is None:
        return math.nan
    least = decode.multiply_time(run_flop(model), peak_compute(chip, PRECISION))
    return least / model.training.chip_time.value


def break_even_tokens(model: Model, context_length: Count) -> Count:
    """Tokens at *context_length* whose arithmetic is that of the run that made *model*."""
    return training.break_even_tokens(run_flop(model), flop_per_token(model, context_length))
