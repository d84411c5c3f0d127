//! Post-processing: special tokens around the text, and offsets without their spaces.

use crate::tokenizer::error::{Error, Result};
use serde_json::Value;

/// What the post-processor does to one text.
#[derive(Debug, Default, PartialEq)]
pub struct Post {
    pub before: Vec<u32>,
    pub after: Vec<u32>,
    /// One entry for each trimming of offsets: whether a single leading space was added.
    pub trims: Vec<bool>,
}

impl Post {
    /// Reads a post-processor; `None` if it is of a kind that byte-level files do not use.
    pub fn parse(value: &Value) -> Result<Option<Self>> {
        let mut post = Self::default();
        Ok(post.add(value)?.then_some(post))
    }

    fn add(&mut self, value: &Value) -> Result<bool> {
        let flag = |name: &str| value[name].as_bool().unwrap_or(true);
        match value["type"].as_str() {
            None => return Ok(value.is_null()),
            Some("ByteLevel") => {
                if flag("trim_offsets") {
                    self.trims.push(flag("add_prefix_space"));
                }
            }
            Some("RobertaProcessing") => {
                if flag("trim_offsets") {
                    self.trims.push(flag("add_prefix_space"));
                }
                let id = |name: &str| value[name][1].as_u64().map(|id| id as u32);
                let (Some(cls), Some(sep)) = (id("cls"), id("sep")) else {
                    return Ok(false);
                };
                return Ok(self.wrap(vec![cls], vec![sep]));
            }
            Some("TemplateProcessing") => return self.template(value),
            Some("Sequence") => {
                let Some(list) = value["processors"].as_array() else {
                    return Ok(false);
                };
                for processor in list {
                    if !self.add(processor)? {
                        return Ok(false);
                    }
                }
            }
            Some(_) => return Ok(false),
        }
        Ok(true)
    }

    fn wrap(&mut self, before: Vec<u32>, after: Vec<u32>) -> bool {
        self.before.splice(0..0, before);
        self.after.extend(after);
        true
    }

    fn template(&mut self, value: &Value) -> Result<bool> {
        let Some(pieces) = value["single"].as_array() else {
            return Ok(false);
        };
        let (mut before, mut after, mut seen) = (vec![], vec![], 0);
        for piece in pieces {
            if piece.get("Sequence").is_some() {
                seen += 1;
                continue;
            }
            let Some(name) = piece["SpecialToken"]["id"].as_str() else {
                return Ok(false);
            };
            let Some(ids) = value["special_tokens"][name]["ids"].as_array() else {
                return Err(Error::syntax(format!(
                    "Cannot load tokenizer: template names \"{name}\", which special_tokens lacks"
                )));
            };
            let side = if seen == 0 { &mut before } else { &mut after };
            side.extend(ids.iter().filter_map(Value::as_u64).map(|id| id as u32));
        }
        Ok(seen == 1 && self.wrap(before, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_puts_tokens_on_both_sides() {
        let value = json!({"type": "Sequence", "processors": [
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
            {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}}],
             "special_tokens": {"<s>": {"id": "<s>", "ids": [7], "tokens": ["<s>"]}}}]});
        let post = Post::parse(&value).unwrap().unwrap();
        assert_eq!(
            post,
            Post {
                before: vec![7],
                after: vec![],
                trims: vec![false]
            }
        );
        assert_eq!(Post::parse(&json!({"type": "BertProcessing"})), Ok(None));
    }
}
