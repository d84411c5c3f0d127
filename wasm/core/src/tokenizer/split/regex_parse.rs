//! From a pattern's text to steps. Covers what tokeniser files use; anything else is refused, and
//! the caller falls back to a general engine.

use super::regex::{CharSet, Mode, Regex};
use super::regex_emit::{emit, Node};
use crate::tokenizer::char_class::{
    breaks, category_set, is_digit, is_word, table, CATEGORY, IS_SPACE,
};

/// How deep groups and classes may nest.
const MAX_DEPTH: usize = 32;

/// A class item: the code points it holds are found by asking it.
enum Item {
    Range(u32, u32),
    Category(u32, bool),
    Space(bool),
    Digit(bool),
    Word(bool),
    Class(Vec<Item>, bool),
}

impl Item {
    fn has(&self, c: u32) -> bool {
        let class = || table()[c as usize];
        match self {
            Self::Range(a, b) => (*a..=*b).contains(&c),
            Self::Category(set, negative) => (set >> (class() & CATEGORY) & 1 == 1) != *negative,
            Self::Space(negative) => (class() & IS_SPACE != 0) != *negative,
            Self::Digit(negative) => is_digit(c) != *negative,
            Self::Word(negative) => is_word(c) != *negative,
            Self::Class(items, negative) => items.iter().any(|i| i.has(c)) != *negative,
        }
    }

    /// Adds the code points at which membership may change, beside those of [`breaks`].
    fn edges(&self, out: &mut Vec<u32>) {
        match self {
            Self::Range(a, b) => out.extend([*a, *b + 1]),
            Self::Class(items, _) => items.iter().for_each(|i| i.edges(out)),
            _ => (),
        }
    }
}

pub(super) fn parse(pattern: &str) -> Option<Regex> {
    let mut parser = Parser {
        chars: pattern.chars().collect(),
        at: 0,
        sets: vec![],
        fold: false,
        depth: 0,
    };
    let node = parser.either()?;
    if parser.at != parser.chars.len() {
        return None;
    }
    let steps = emit(&node)?;
    Some(Regex {
        steps,
        sets: parser.sets,
    })
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    sets: Vec<CharSet>,
    fold: bool,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, text: &str) -> bool {
        let n = text.chars().count();
        let hit = self.chars[self.at..]
            .iter()
            .take(n)
            .copied()
            .eq(text.chars());
        if hit {
            self.at += n;
        }
        hit
    }

    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.chars.get(self.at - 1).copied()
    }

    fn either(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut branches = vec![self.sequence()?];
        while self.eat("|") {
            branches.push(self.sequence()?);
        }
        self.depth -= 1;
        Some(if branches.len() == 1 {
            branches.remove(0)
        } else {
            Node::Either(branches)
        })
    }

    fn sequence(&mut self) -> Option<Node> {
        let mut nodes = vec![];
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let atom = self.atom()?;
            nodes.push(self.quantified(atom)?);
        }
        Some(Node::Sequence(nodes))
    }

    fn quantified(&mut self, atom: Node) -> Option<Node> {
        let (min, max) = match self.peek() {
            Some('?') => (0, 1),
            Some('*') => (0, u32::MAX),
            Some('+') => (1, u32::MAX),
            Some('{') => return self.counted(atom),
            _ => return Some(atom),
        };
        self.at += 1;
        let mode = match () {
            _ if self.eat("?") => Mode::Lazy,
            _ if self.eat("+") => Mode::Possessive,
            _ => Mode::Greedy,
        };
        if matches!(self.peek(), Some('?' | '*' | '+' | '{')) {
            return None;
        }
        repeat(atom, min, max, mode)
    }

    fn counted(&mut self, atom: Node) -> Option<Node> {
        self.at += 1;
        let min = self.number()?;
        let max = match self.next()? {
            '}' => return self.plain(atom, min, min),
            ',' if self.peek() == Some('}') => u32::MAX,
            ',' => self.number()?,
            _ => return None,
        };
        if self.next()? != '}' || max < min {
            return None;
        }
        self.plain(atom, min, max)
    }

    /// A counted repeat; the native engine reads a suffix on it in its own way, so none may follow.
    fn plain(&mut self, atom: Node, min: u32, max: u32) -> Option<Node> {
        if matches!(self.peek(), Some('?' | '*' | '+' | '{')) {
            return None;
        }
        repeat(atom, min, max, Mode::Greedy)
    }

    fn number(&mut self) -> Option<u32> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.chars[start..self.at]
            .iter()
            .collect::<String>()
            .parse()
            .ok()
            .filter(|&n| n <= 1000)
    }

    fn atom(&mut self) -> Option<Node> {
        if self.eat("(") {
            return self.group();
        }
        let item = match self.next()? {
            '[' => self.class()?,
            '.' => Item::Class(vec![Item::Range(10, 10)], true),
            '\\' if self.eat("A") => return Some(Node::Start),
            '\\' if self.eat("z") => return Some(Node::End),
            '\\' => self.escape()?,
            // Line anchors: the native engine's differ from what most expect, and no file uses them.
            '^' | '$' | '*' | '+' | '?' | '{' | '}' | ']' => return None,
            c => Item::Range(c as u32, c as u32),
        };
        Some(Node::Set(self.set(item)?))
    }

    fn group(&mut self) -> Option<Node> {
        let fold = self.fold;
        let look = match () {
            _ if self.eat("?:") => None,
            _ if self.eat("?i:") => {
                self.fold = true;
                None
            }
            _ if self.eat("?=") => Some((false, false)),
            _ if self.eat("?!") => Some((true, false)),
            _ if self.eat("?<=") => Some((false, true)),
            _ if self.eat("?<!") => Some((true, true)),
            _ if self.peek() == Some('?') => return None,
            _ => None,
        };
        let node = self.either()?;
        self.fold = fold;
        if !self.eat(")") {
            return None;
        }
        Some(match look {
            None => node,
            Some((negative, false)) => Node::Look(negative, Box::new(node)),
            Some((negative, true)) => match node {
                Node::Sequence(mut nodes) if nodes.len() == 1 => match nodes.remove(0) {
                    Node::Set(set) => Node::Behind(negative, set),
                    _ => return None,
                },
                _ => return None,
            },
        })
    }

    /// A class, after its `[`.
    fn class(&mut self) -> Option<Item> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let negative = self.eat("^");
        let mut items = vec![];
        loop {
            if self.eat("&&") || self.eat("[:") {
                return None;
            }
            let item = match self.next()? {
                ']' if items.is_empty() => return None,
                ']' => break,
                '[' => self.class()?,
                '\\' => self.escape()?,
                c => Item::Range(c as u32, c as u32),
            };
            items.push(self.ranged(item)?);
        }
        self.depth -= 1;
        Some(Item::Class(items, negative))
    }

    /// `item`, or the range that it begins.
    fn ranged(&mut self, item: Item) -> Option<Item> {
        let Item::Range(first, _) = item else {
            return Some(item);
        };
        if self.peek() != Some('-') || matches!(self.chars.get(self.at + 1), None | Some(']')) {
            return Some(item);
        }
        self.at += 1;
        let last = match self.next()? {
            '[' => return None,
            '\\' => match self.escape()? {
                Item::Range(c, _) => c,
                _ => return None,
            },
            c => c as u32,
        };
        (first <= last).then_some(Item::Range(first, last))
    }

    /// An escape, after its backslash.
    fn escape(&mut self) -> Option<Item> {
        let c = match self.next()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{c}',
            'v' => '\u{b}',
            's' => return Some(Item::Space(false)),
            'S' => return Some(Item::Space(true)),
            'd' => return Some(Item::Digit(false)),
            'D' => return Some(Item::Digit(true)),
            'w' => return Some(Item::Word(false)),
            'W' => return Some(Item::Word(true)),
            'p' => return self.property(false),
            'P' => return self.property(true),
            'x' if self.eat("{") => self.hex('}')?,
            'u' => {
                let digits: String = self.chars.get(self.at..self.at + 4)?.iter().collect();
                self.at += 4;
                char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
            }
            c if c.is_alphanumeric() => return None,
            c => c,
        };
        Some(Item::Range(c as u32, c as u32))
    }

    fn until(&mut self, end: char) -> Option<String> {
        let n = self.chars[self.at..].iter().position(|&c| c == end)?;
        let text = self.chars[self.at..self.at + n].iter().collect();
        self.at += n + 1;
        Some(text)
    }

    fn hex(&mut self, end: char) -> Option<char> {
        char::from_u32(u32::from_str_radix(&self.until(end)?, 16).ok()?)
    }

    fn property(&mut self, negative: bool) -> Option<Item> {
        if !self.eat("{") {
            return None;
        }
        let name = self.until('}')?;
        let (name, inverted) = name
            .strip_prefix('^')
            .map_or((name.as_str(), false), |n| (n, true));
        Some(Item::Category(category_set(name)?, negative != inverted))
    }

    fn set(&mut self, item: Item) -> Option<usize> {
        let mut edges = breaks();
        item.edges(&mut edges);
        let set = if self.fold {
            // Only what folds to or from ASCII can be told apart without the engine's tables.
            if matches!(item, Item::Range(a, b) if a != b || a > 127) {
                return None;
            }
            edges.extend((0..=128).chain([0x17F, 0x180, 0x212A, 0x212B]));
            CharSet::collect(edges, |c| folds(c).iter().any(|&f| item.has(f)))
        } else {
            CharSet::collect(edges, |c| item.has(c))
        };
        self.sets.push(set);
        Some(self.sets.len() - 1)
    }
}

/// `c` and the characters that it equals when case is ignored.
fn folds(c: u32) -> [u32; 3] {
    match char::from_u32(c) {
        Some('ſ') => [c, 's' as u32, 'S' as u32],
        Some('K') => [c, 'k' as u32, 'K' as u32],
        Some(a) if a.is_ascii() => [
            c,
            a.to_ascii_lowercase() as u32,
            a.to_ascii_uppercase() as u32,
        ],
        _ => [c; 3],
    }
}

fn repeat(atom: Node, min: u32, max: u32, mode: Mode) -> Option<Node> {
    if !matches!(atom, Node::Set(_)) {
        // A loop over what may be empty would not end, and groups have no cheap give-back.
        let endless = max == u32::MAX && can_be_empty(&atom);
        if endless || mode == Mode::Possessive {
            return None;
        }
    }
    Some(Node::Repeat(Box::new(atom), min, max, mode))
}

fn can_be_empty(node: &Node) -> bool {
    match node {
        Node::Set(_) => false,
        Node::Sequence(nodes) => nodes.iter().all(can_be_empty),
        Node::Either(nodes) => nodes.iter().any(can_be_empty),
        Node::Repeat(node, min, _, _) => *min == 0 || can_be_empty(node),
        Node::Look(..) | Node::Behind(..) | Node::Start | Node::End => true,
    }
}
