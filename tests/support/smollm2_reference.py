"""What transformers and PEFT make of a pretrained model, in f32.

Usage: smollm2_reference.py JSON    {"model": folder, "adapter": a new folder, "logits": a new file, "texts": [text],
    "messages": [message], "new_tokens": n, "rows": ids of equal length, "steps": n, "learning_rate": x}

Writes the adapter that training starts from, and each text's logits as tensors "0", "1", …; prints ids and mean
NLL of each text, the ids of the conversation, greedy continuations of the texts and of the conversation, and the
loss of all rows before each step of AdamW on them.
"""

import json
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(1)


def continued(model, ids, count):
    ids = torch.tensor([ids])
    found = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count)
    return found[0, ids.shape[1]:].tolist()


def trained(model, task):
    """Losses of LoRA steps; the adapter is written before the first."""
    torch.manual_seed(1)
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))
    model.save_pretrained(task["adapter"])
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=task["learning_rate"], weight_decay=0.0)
    rows = torch.tensor(task["rows"])
    losses = []
    for _ in range(task["steps"]):
        loss = model(input_ids=rows, labels=rows).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def main(task):
    tokenizer = AutoTokenizer.from_pretrained(task["model"])
    model = AutoModelForCausalLM.from_pretrained(task["model"], dtype=torch.float32).eval()
    ids = [tokenizer(text).input_ids for text in task["texts"]]
    chat = tokenizer.apply_chat_template(task["messages"], add_generation_prompt=True, return_dict=False)
    nll, logits = [], {}
    with torch.no_grad():
        for i, row in enumerate(ids):
            row = torch.tensor(row)
            logits[str(i)] = model(row[None]).logits[0]
            nll.append(torch.nn.functional.cross_entropy(logits[str(i)][:-1].double(), row[1:]).item())
        greedy = [continued(model, row, task["new_tokens"]) for row in [*ids, chat]]
    save_file(logits, task["logits"])
    return {"ids": ids, "chat": chat, "nll": nll, "greedy": greedy, "losses": trained(model, task)}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
