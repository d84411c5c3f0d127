"""The same sampling as bench/generate.ts with transformers' generate() and PEFT: takes the same options, prints the same JSON line."""
import argparse, json, os, time

parser = argparse.ArgumentParser()
for name, default in dict(hidden=128, layers=4, intermediate=384, vocab=2048, heads=4, kv_heads=4,
                          batch=32, seq=256, r=8, steps=5, threads=os.cpu_count()).items():
    parser.add_argument("--" + name.replace("_", "-"), type=int, default=default)
parser.add_argument("--method", default="lora")
parser.add_argument("--backend", default="cpu")
parser.add_argument("--dtype", choices=["f32"], default="f32")
args = parser.parse_args()

import torch, transformers, peft

torch.manual_seed(0)
torch.set_num_threads(args.threads)
config = transformers.LlamaConfig(
    hidden_size=args.hidden, num_hidden_layers=args.layers, intermediate_size=args.intermediate,
    vocab_size=args.vocab, num_attention_heads=args.heads, num_key_value_heads=args.kv_heads,
    max_position_embeddings=args.seq, tie_word_embeddings=True, eos_token_id=None, pad_token_id=0)
model = peft.get_peft_model(transformers.LlamaForCausalLM(config), peft.LoraConfig(
    r=args.r, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")).eval()
length = args.seq // 2
prompt = torch.randint(0, args.vocab, (1, length))
mask = torch.ones_like(prompt)
seconds = float("inf")
with torch.inference_mode():
    for run in range(1 + args.steps):
        started = time.perf_counter()
        out = model.generate(input_ids=prompt, attention_mask=mask, do_sample=True, temperature=0.8, top_k=0,
                             num_return_sequences=args.batch, min_new_tokens=length, max_new_tokens=length)
        assert out.shape == (args.batch, args.seq), out.shape
        if run > 0:
            seconds = min(seconds, time.perf_counter() - started)
print(json.dumps(dict(tokens_per_s=args.batch * length / seconds, seconds=seconds,
                      versions=dict(torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__),
                      threads=args.threads)))
