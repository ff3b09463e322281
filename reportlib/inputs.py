"""What a case is described by: columns of a table, flags of the command line."""

INPUTS = {
    "chip": "a file of params/chips, as h100-sxm5",
    "model": "a file of params/models, as llama-3-70b",
    "precision": "weight format, as fp8, nvfp4, q4_k_m; default: that of the published weights",
    "kv_precision": "of the KV cache: bf16 (default), fp8, int8 or fp4",
    "weight_bits": "mean bits per weight, where measured",
    "batch_size": "sequences at once; default: 1",
    "context_length": "tokens in the cache; default: input and half of the output, or 1024",
    "input_length": "tokens of each prompt; default: the context",
    "output_length": "tokens of each answer; default: 0",
    "tensor_parallel": "chips that split the model; default: 1",
    "engine": "engine or class of engines, as vLLM or llama.cpp; default: any",
}
