"""Write a reference case of LoRA on a mixture's experts and router, in float32.

    python3 tests/support/moe_experts.py OUT_DIR        # needs: torch transformers safetensors

The layout is that of the other cases in tests/fixtures/numerics. Each expert has an adapter of its own, as PEFT has it
where experts are linear layers. The weights W + alpha / r · B A are formed in PyTorch and put into
transformers' model by functional_call, so that autograd gives the adapters' gradients.
"""
import json, pathlib, sys
import torch
from safetensors.torch import save_file
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

R, ALPHA, SEED = 4, 16, 5
E, K, F = 6, 2, 20


def config():
    cfg = Qwen3MoeConfig(hidden_size=24, num_hidden_layers=3, intermediate_size=40, vocab_size=61,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=64, rms_norm_eps=1e-5,
        initializer_range=0.2, tie_word_embeddings=True, num_experts=E, num_experts_per_tok=K,
        moe_intermediate_size=F, decoder_sparse_step=1, mlp_only_layers=[1], norm_topk_prob=False,
        router_aux_loss_coef=0.0)
    cfg._attn_implementation = "eager"
    return cfg


def sites(cfg):
    """Module, outputs, inputs, rank."""
    C, H, D = cfg.hidden_size, cfg.num_attention_heads, cfg.head_dim
    for l in range(cfg.num_hidden_layers):
        p = f"model.layers.{l}"
        yield f"{p}.self_attn.q_proj", H * D, C, R
        if l in cfg.mlp_only_layers:
            for m in ("gate_proj", "up_proj"):
                yield f"{p}.mlp.{m}", cfg.intermediate_size, C, R
            yield f"{p}.mlp.down_proj", C, cfg.intermediate_size, R
            continue
        yield f"{p}.mlp.gate", E, C, R
        for e in range(E):
            for m in ("gate_proj", "up_proj"):
                yield f"{p}.mlp.experts.{e}.{m}", F, C, R // K
            yield f"{p}.mlp.experts.{e}.down_proj", C, F, R // K


def weights(cfg, base, a):
    """The adapted parameters under transformers' names, where a layer's experts are one tensor."""
    delta = lambda m, r: ALPHA / r * a[f"{m}.lora_B.weight"] @ a[f"{m}.lora_A.weight"]
    out = {}
    for m, _, _, r in sites(cfg):
        if ".experts." not in m:
            out[f"{m}.weight"] = base[f"{m}.weight"] + delta(m, r)
    for l in range(cfg.num_hidden_layers):
        if l in cfg.mlp_only_layers:
            continue
        p = f"model.layers.{l}.mlp.experts"
        d = lambda e, m: delta(f"{p}.{e}.{m}", R // K)
        gate_up = torch.stack([torch.cat([d(e, "gate_proj"), d(e, "up_proj")]) for e in range(E)])
        out[f"{p}.gate_up_proj"] = base[f"{p}.gate_up_proj"] + gate_up
        out[f"{p}.down_proj"] = base[f"{p}.down_proj"] + torch.stack([d(e, "down_proj") for e in range(E)])
    return out


def train(forward, params, lr, steps=5):
    opt = torch.optim.AdamW(params, lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    losses, norms = [], []
    for _ in range(steps):
        loss = forward().loss
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(params, 1.0)))
        opt.step(); opt.zero_grad(); losses.append(float(loss))
    with torch.no_grad():
        losses.append(float(forward().loss))
    return dict(lr=lr, losses=losses, grad_norms=norms)


def main():
    out = pathlib.Path(sys.argv[1])
    torch.manual_seed(SEED)
    cfg = config()
    model = Qwen3MoeForCausalLM(cfg).float().eval().requires_grad_(False)
    model.save_pretrained(out / "model")
    base = {n: p.detach() for n, p in model.named_parameters()}
    a = {}
    for m, o, i, r in sites(cfg):
        a[f"{m}.lora_A.weight"] = torch.nn.Parameter((torch.rand(r, i) * 2 - 1) / i ** 0.5)
        a[f"{m}.lora_B.weight"] = torch.nn.Parameter(torch.randn(o, r) * 0.02)
    (out / "adapter").mkdir(parents=True, exist_ok=True)
    save_file({f"base_model.model.{n}": p.detach() for n, p in a.items()}, out / "adapter/adapter_model.safetensors",
              metadata={"format": "pt"})
    targets = ["q_proj", "gate", "gate_proj", "up_proj", "down_proj"]
    (out / "adapter/adapter_config.json").write_text(json.dumps(dict(peft_type="LORA", task_type="CAUSAL_LM", r=R,
        lora_alpha=ALPHA, target_modules=targets, lora_dropout=0.0, bias="none",
        rank_pattern={r"experts\.\d+\.(gate_proj|up_proj|down_proj)": R // K}), indent=1))
    B, T = 3, 19
    ids = torch.randint(0, cfg.vocab_size, (B, T))
    labels = ids.clone(); labels[0, :7] = -100; labels[2, 12:] = -100
    mask = torch.ones_like(ids)
    call = lambda **kw: torch.func.functional_call(model, weights(cfg, base, a), (), dict(input_ids=ids, attention_mask=mask, **kw))
    logits = call().logits
    loss = call(labels=labels).loss
    loss.backward()
    tensors = {"input_ids": ids.int(), "labels": labels.int(), "logits": logits.detach()}
    for n, p in a.items():
        grad = torch.zeros_like(p) if p.grad is None else p.grad.clone()
        tensors["grad.base_model.model." + n.replace(".weight", ".default.weight")] = grad
        p.grad = None
    greedy = ids[:1, :8]
    with torch.no_grad():
        for _ in range(12):
            last = torch.func.functional_call(model, weights(cfg, base, a), (), dict(input_ids=greedy)).logits[:, -1]
            greedy = torch.cat([greedy, last.argmax(-1, keepdim=True)], 1)
    lora = train(lambda: call(labels=labels), list(a.values()), 1e-2)
    model.requires_grad_(True)
    full = train(lambda: model(input_ids=ids, attention_mask=mask, labels=labels), list(model.parameters()), 1e-3)
    save_file({k: v.contiguous() for k, v in tensors.items()}, out / "expected.safetensors")
    (out / "expected.json").write_text(json.dumps(dict(loss=float(loss), rank=R, targets=targets,
        trainable=sum(p.numel() for p in a.values()), greedy=greedy[0].tolist(), lora=lora, full=full), indent=1))
    print(float(loss), lora["losses"], full["losses"])


main()
