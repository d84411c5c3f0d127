//! Byte-level BPE and the other Hugging Face tokeniser kinds.
