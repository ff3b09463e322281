"""What a training step computes, keeps and moves.

A step passes tokens through the model forwards, and backwards with gradients of inputs and of
weights, each as much work as forwards [@kaplan-2020]; then an optimizer changes every weight by
its gradient and by states of its own [@rajbhandari-2020]. The backward pass needs activations of
the forward pass: they are kept, or all but the inputs of layers are computed anew, which takes
another forward pass [@korthikanti-2022].

Left out: exchanges between the chips of one copy of the model and between copies, idle time of
pipelines, activations within a kernel, attention scores that kernels keep on the chip, losses,
buffers and fragments.
"""

from reportlib.units import Bytes, Count

BACKWARD = 2  # times the FLOP of the forward pass: gradients of inputs and of weights
OPTIMIZER_BYTES: Bytes = 4 + 4 + 4  # a weight: itself and two means of Adam in FP32
KEPT_BYTES: Bytes = 34  # a token, layer and hidden value of GPT's blocks [@korthikanti-2022]
CHECKPOINT_BYTES: Bytes = 2  # the same, of a layer's input in 16 bits


def training_flop(forward_flop: Count, recomputed_share: Count) -> Count:
    """FLOP of passing tokens forwards and backwards, of which the forward pass is *forward_flop*.

    *recomputed_share* is that of the forward pass done again in the backward pass: 0 where all
    activations are kept, 1 where only the inputs of layers are.

    >>> training_flop(forward_flop=2 * 175e9 * 300e9, recomputed_share=0)  # GPT-3: 3.14e23
    3.15e+23
    """
    return forward_flop * (1 + BACKWARD + recomputed_share)


def training_state_bytes(
    *, parameters: Count, weight_bytes: Bytes, gradient_bytes: Bytes, optimizer_bytes: Bytes
) -> Bytes:
    """Memory of what training keeps from step to step, all sizes those of one parameter.

    >>> training_state_bytes(  # 7.5 billion in mixed precision: 120 GB [@rajbhandari-2020]
    ...     parameters=7.5e9, weight_bytes=2, gradient_bytes=2, optimizer_bytes=12
    ... )
    120000000000.0
    """
    return parameters * (weight_bytes + gradient_bytes + optimizer_bytes)


def activation_bytes(
    *, tokens: Count, layers: Count, hidden_size: Count, bytes_per_value: Bytes
) -> Bytes:
    """Memory of what layers keep of *tokens* tokens until the backward pass.

    *bytes_per_value* is what a layer keeps of a token for each value of its hidden state.

    >>> activation_bytes(  # Llama 3 70B, one sequence, only the inputs of layers
    ...     tokens=8192, layers=80, hidden_size=8192, bytes_per_value=2
    ... )
    10737418240
    """
    return tokens * layers * hidden_size * bytes_per_value


def training_traffic(
    *,
    read_bytes: Bytes,
    weight_bytes: Bytes,
    gradient_bytes: Bytes,
    optimizer_bytes: Bytes,
    activation_bytes: Bytes,
    passes: Count,
    recomputed_share: Count,
) -> Bytes:
    """Memory traffic of a step at least: weights, gradients, optimizer states and activations.

    Each of the *passes* into which a step's tokens are split reads *read_bytes* of weights
    forwards, backwards and where it computes anew, and adds to all gradients. The optimizer reads
    and writes its states, and writes the weights. *activation_bytes*, of all passes, are written
    and read.

    >>> training_traffic(  # a weight in mixed precision, one pass
    ...     read_bytes=2, weight_bytes=2, gradient_bytes=2, optimizer_bytes=12,
    ...     activation_bytes=0, passes=1, recomputed_share=0,
    ... )
    34
    """
    through = passes * ((2 + recomputed_share) * read_bytes + 2 * gradient_bytes)
    return through + 2 * optimizer_bytes + weight_bytes + 2 * activation_bytes


def break_even_tokens(training_flop: Count, served_flop_per_token: Count) -> Count:
    """Tokens that a model serves with as much arithmetic as its training took.

    Three times the tokens of its training, where attention costs little.

    >>> break_even_tokens(training_flop=6 * 70e9 * 15e12, served_flop_per_token=2 * 70e9)
    45000000000000.0
    """
    return training_flop / served_flop_per_token
