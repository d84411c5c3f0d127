"""The same training step as bench/step.ts in PyTorch + PEFT: takes the same options, prints the same JSON line."""
import argparse, json, os, resource, statistics, time

parser = argparse.ArgumentParser()
for name, default in dict(hidden=128, layers=4, intermediate=384, vocab=2048, heads=4, kv_heads=4,
                          batch=16, seq=128, r=8, steps=5, threads=os.cpu_count()).items():
    parser.add_argument("--" + name.replace("_", "-"), type=int, default=default)
parser.add_argument("--method", choices=["lora", "full"], default="lora")
parser.add_argument("--backend", default="cpu")
parser.add_argument("--dtype", choices=["f32"], default="f32")
parser.add_argument("--checkpointing", action="store_true")
args = parser.parse_args()

import torch, transformers, peft

torch.manual_seed(0)
torch.set_num_threads(args.threads)
config = transformers.LlamaConfig(
    hidden_size=args.hidden, num_hidden_layers=args.layers, intermediate_size=args.intermediate,
    vocab_size=args.vocab, num_attention_heads=args.heads, num_key_value_heads=args.kv_heads,
    max_position_embeddings=args.seq, tie_word_embeddings=True)
model = transformers.LlamaForCausalLM(config)
parameters = sum(p.numel() for p in model.parameters())
if args.method == "lora":
    model = peft.get_peft_model(model, peft.LoraConfig(
        r=args.r, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))
if args.checkpointing:
    model.gradient_checkpointing_enable({"use_reentrant": False})
    model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
ids = torch.randint(0, args.vocab, (args.batch, args.seq))
times, loss = [], None
for step in range(2 + args.steps):
    started = time.perf_counter()
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    loss = loss.item()
    if step >= 2:
        times.append(time.perf_counter() - started)
seconds = statistics.median(times)
print(json.dumps(dict(
    tokens_per_s=args.batch * args.seq / seconds, ms_per_step=seconds * 1000, loss=loss,
    peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    trainable_parameters=sum(p.numel() for p in trained), parameters=parameters,
    versions=dict(torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__),
    threads=args.threads)))
