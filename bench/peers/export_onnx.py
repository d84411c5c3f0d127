"""Writes a Llama as a Hugging Face folder that also has ONNX weights in f32, as transformers.js loads it: FOLDER/onnx/model.onnx.

The graph is what published models have: ONNX Runtime's fused operators (attention over a cache with rotary
embedding, RMSNorm with the residual sum), matrices lying as products read them, logits of the last tokens alone.
Nothing ends a sequence: config.json names no end token. Needs: pip install torch transformers onnx

Usage: export_onnx.py FOLDER --model SOURCE                     a folder with config.json and model.safetensors
       export_onnx.py FOLDER --hidden 576 --layers 12 ...       random weights
"""
import argparse, json, pathlib

import numpy as np
import onnx
import torch
import transformers
from onnx import TensorProto, helper, numpy_helper

RUNTIME = "com.microsoft"


class Graph:
    """Nodes and weights, in the order in which they are added."""

    def __init__(self):
        self.nodes, self.weights, self.count = [], [], 0

    def weight(self, name, array):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, operator, inputs, outputs=1, domain="", **attributes):
        """A node with as many new outputs, or with outputs that have names."""
        if isinstance(outputs, int):
            self.count += 1
            outputs = [f"{operator}_{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))
        return outputs[0] if len(outputs) == 1 else outputs


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def build(config, weights):
    """The ONNX model of a Llama; weights by their names in Hugging Face's layout."""
    graph = Graph()
    head = config.hidden_size // config.num_attention_heads if config.head_dim is None else config.head_dim
    kv_heads, eps = config.num_key_value_heads, config.rms_norm_eps

    def matrix(name, x):
        return graph.add("MatMul", [x, graph.weight(name, weights[name].T)])

    def residual_norm(x, skip, name):
        """(norm of x + skip, x + skip)"""
        out = graph.add("SkipSimplifiedLayerNormalization", [x, skip, graph.weight(name, weights[name])], 4,
                        RUNTIME, epsilon=eps)
        return out[0], out[3]

    # Position of the last token of each row, and tokens in all.
    one = graph.weight("one", np.array([1], np.int64))
    zero = graph.weight("zero", np.array(0, np.int64))
    lengths = graph.add("ReduceSum", ["attention_mask", one], keepdims=0)
    last = graph.add("Cast", [graph.add("Sub", [lengths, one])], to=TensorProto.INT32)
    total = graph.add("Cast", [graph.add("Gather", [graph.add("Shape", ["attention_mask"]), one])],
                      to=TensorProto.INT32)
    theta = config.rope_parameters["rope_theta"]
    angles = np.outer(np.arange(config.max_position_embeddings),
                      1.0 / theta ** (np.arange(0, head, 2, dtype=np.float64) / head))
    cos = graph.weight("cos", np.cos(angles).astype(np.float32))
    sin = graph.weight("sin", np.sin(angles).astype(np.float32))

    embedding = "model.embed_tokens.weight"
    x = graph.add("Gather", [graph.weight(embedding, weights[embedding]), "input_ids"])
    first = "model.layers.0.input_layernorm.weight"
    normed = graph.add("SimplifiedLayerNormalization", [x, graph.weight(first, weights[first])], epsilon=eps, axis=-1)
    inputs, outputs = [], []
    for i in range(config.num_hidden_layers):
        layer = f"model.layers.{i}."
        past = [f"past_key_values.{i}.key", f"past_key_values.{i}.value"]
        present = [f"present.{i}.key", f"present.{i}.value"]
        inputs += [value(name, TensorProto.FLOAT, ["batch_size", kv_heads, "past", head]) for name in past]
        outputs += [value(name, TensorProto.FLOAT, ["batch_size", kv_heads, "total", head]) for name in present]
        qkv = [matrix(f"{layer}self_attn.{name}_proj.weight", normed) for name in "qkv"]
        mixed, *_ = graph.add("GroupQueryAttention", [*qkv, *past, last, total, cos, sin],
                              [f"attention_{i}", *present], RUNTIME, do_rotary=1, kv_num_heads=kv_heads,
                              num_heads=config.num_attention_heads, scale=head ** -0.5)
        mixed = matrix(f"{layer}self_attn.o_proj.weight", mixed)
        normed, x = residual_norm(x, mixed, f"{layer}post_attention_layernorm.weight")
        gate = matrix(f"{layer}mlp.gate_proj.weight", normed)
        up = matrix(f"{layer}mlp.up_proj.weight", normed)
        gated = graph.add("Mul", [graph.add("Mul", [gate, graph.add("Sigmoid", [gate])]), up])
        down = matrix(f"{layer}mlp.down_proj.weight", gated)
        final = i + 1 == config.num_hidden_layers
        following = "model.norm.weight" if final else f"model.layers.{i + 1}.input_layernorm.weight"
        normed, x = residual_norm(x, down, following)
    end = graph.weight("end", np.array([np.iinfo(np.int64).max], np.int64))
    start = graph.add("Reshape", [graph.add("Neg", ["num_logits_to_keep"]), one])
    kept = graph.add("Slice", [normed, start, end, one])
    graph.nodes.append(helper.make_node(
        "MatMul", [kept, graph.weight("lm_head", weights.get("lm_head.weight", weights[embedding]).T)], ["logits"]))

    inputs = [value("input_ids", TensorProto.INT64, ["batch_size", "tokens"]),
              value("attention_mask", TensorProto.INT64, ["batch_size", "total"]),
              value("num_logits_to_keep", TensorProto.INT64, []), *inputs]
    outputs = [value("logits", TensorProto.FLOAT, ["batch_size", "kept", config.vocab_size]), *outputs]
    body = helper.make_graph(graph.nodes, "llama", inputs, outputs, graph.weights)
    return helper.make_model(body, ir_version=10,
                             opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(RUNTIME, 1)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path)
    for name, default in dict(hidden=576, layers=12, intermediate=1536, vocab=16384, heads=9, kv_heads=3,
                              positions=512).items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=default)
    args = parser.parse_args()
    if args.model:
        model = transformers.LlamaForCausalLM.from_pretrained(args.model, dtype=torch.float32)
    else:
        torch.manual_seed(0)
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
            hidden_size=args.hidden, num_hidden_layers=args.layers, intermediate_size=args.intermediate,
            vocab_size=args.vocab, num_attention_heads=args.heads, num_key_value_heads=args.kv_heads,
            max_position_embeddings=args.positions, tie_word_embeddings=True))
    ending = dict(eos_token_id=None, bos_token_id=None, pad_token_id=0)
    for key, id in ending.items():
        setattr(model.config, key, id)
    model.generation_config = transformers.GenerationConfig(**ending)
    model.save_pretrained(args.folder)
    weights = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    (args.folder / "onnx").mkdir()
    onnx.save(build(model.config, weights), args.folder / "onnx" / "model.onnx")
    print(json.dumps(dict(folder=str(args.folder), parameters=sum(p.numel() for p in model.parameters()))))


if __name__ == "__main__":
    main()
