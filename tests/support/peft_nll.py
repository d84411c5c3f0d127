"""Mean NLL of token ids under a base model with an adapter, as transformers and PEFT compute it.

Usage: peft_nll.py MODEL_FOLDER ADAPTER_FOLDER JSON_ROWS    prints the number, in nats
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

model_folder, adapter_folder, rows = sys.argv[1:]
torch.set_num_threads(1)
base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
model = PeftModel.from_pretrained(base, adapter_folder).eval()
total, count = 0.0, 0
with torch.no_grad():
    for row in json.loads(rows):
        ids = torch.tensor([row])
        logits = model(ids).logits[0, :-1].double()
        total += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
        count += len(row) - 1
print(total / count)
