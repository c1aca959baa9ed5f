//! The repository's files, and Rust source as a flat row of tokens: comments, strings and `#[cfg(test)]` items are gone.

use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One token: an identifier, one character of punctuation, or a bracket.
pub struct Token {
    pub text: String,
    pub line: usize,
    /// How many inline modules stand around it.
    pub inline_modules: usize,
}

/// A Rust file below `src/`.
pub struct Source {
    /// From the root of the repository, with forward slashes.
    pub path: String,
    pub text: String,
    pub tokens: Vec<Token>,
}

impl Source {
    fn read(path: &str) -> Self {
        let text = read(path);
        let stream: TokenStream = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
        let mut tokens = Vec::new();
        flatten(stream, 0, &mut tokens);
        Source { path: path.to_owned(), text, tokens }
    }

    /// `src/ops/scan/tile.rs` is `["ops", "scan", "tile"]`; `src/lib.rs` is empty.
    pub fn module(&self) -> Vec<&str> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).collect()
    }

    /// The texts of `count` tokens from `at`, fewer at the end.
    pub fn texts(&self, at: usize, count: usize) -> Vec<&str> {
        self.tokens.iter().skip(at).take(count).map(|token| token.text.as_str()).collect()
    }

    pub fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.tokens[at].line)
    }

    /// The names that a path continues with at `at`: one identifier, or the first of each part of a `{...}` group.
    pub fn names_at(&self, at: usize) -> Vec<&str> {
        match self.texts(at, 1).first() {
            Some(&"{") => {}
            Some(name) => return vec![name],
            None => return Vec::new(),
        }
        let (mut names, mut depth, mut first) = (Vec::new(), 0, false);
        for token in &self.tokens[at..] {
            match token.text.as_str() {
                "{" => (depth, first) = (depth + 1, depth == 0),
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                "," if depth == 1 => first = true,
                name if first => {
                    names.push(name);
                    first = false;
                }
                _ => {}
            }
        }
        names
    }
}

fn flatten(stream: TokenStream, inline_modules: usize, out: &mut Vec<Token>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        if is_cfg_test(&trees[at..]) {
            at = end_of_item(&trees, at + 2);
            continue;
        }
        let line = trees[at].span().start().line;
        let mut push = |text: String, line| out.push(Token { text, line, inline_modules });
        match &trees[at] {
            TokenTree::Ident(ident) => push(ident.to_string(), line),
            TokenTree::Punct(punct) => push(punct.as_char().to_string(), line),
            // A string may hold any word, so its text must not be looked at.
            TokenTree::Literal(_) => push("\"\"".to_owned(), line),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open.to_owned(), line);
                let module = open == "{" && at >= 2 && is_ident(&trees[at - 2], "mod");
                flatten(group.stream(), inline_modules + usize::from(module), out);
                let text = close.to_owned();
                out.push(Token { text, line: group.span_close().start().line, inline_modules });
            }
        }
        at += 1;
    }
}

fn is_ident(tree: &TokenTree, name: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == name)
}

fn is_cfg_test(trees: &[TokenTree]) -> bool {
    matches!(trees, [TokenTree::Punct(hash), TokenTree::Group(group), ..]
        if hash.as_char() == '#' && group.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// The index after the item that starts at `at`: behind its body or its semicolon.
fn end_of_item(trees: &[TokenTree], at: usize) -> usize {
    let end = trees[at..].iter().position(|tree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    });
    end.map_or(trees.len(), |end| at + end + 1)
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file below `folder` whose extension is one of `extensions`, sorted. A folder that does not exist has none.
pub fn files(folder: &str, extensions: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("a directory entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
                found.push(relative(&path));
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    let inner = path.strip_prefix(root()).unwrap_or(path);
    inner.to_string_lossy().replace('\\', "/")
}

/// Every Rust file of the crate.
pub fn sources() -> Vec<Source> {
    // `mod tests;` and `mod x_tests;` stand behind #[cfg(test)] in the files above them.
    let files = files("src", &["rs"]);
    files.iter().filter(|path| !path.ends_with("tests.rs")).map(|path| Source::read(path)).collect()
}
