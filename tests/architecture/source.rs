//! The files that are checked, and Rust source as a flat row of tokens: comments and `#[cfg(test)]` items are gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// Files by their path from the root of the repository, with forward slashes. The checks of what files use read a tree,
/// not the disk, so that tests can give them a small one with a planted fault.
pub struct Tree(BTreeMap<String, String>);

impl Tree {
    /// The crate's Rust files and shaders.
    pub fn of_the_repository() -> Self {
        let paths = files("src", &["rs"]).into_iter().chain(files("shaders", &["wgsl"]));
        Tree(paths.map(|path| (path.clone(), read(&path))).collect())
    }

    pub fn of(files: &[(&str, &str)]) -> Self {
        Tree(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Every path below `folder` that ends in `.extension`.
    pub fn paths<'a>(&'a self, folder: &str, extension: &str) -> impl Iterator<Item = &'a str> {
        let (start, end) = (format!("{folder}/"), format!(".{extension}"));
        let below = move |path: &&str| path.starts_with(&start) && path.ends_with(&end);
        self.0.keys().map(String::as_str).filter(below)
    }

    /// Every Rust file of the crate. Tests are left out: `mod tests;` and `mod x_tests;` stand behind `#[cfg(test)]` in the
    /// files above them.
    pub fn sources(&self) -> Vec<Source> {
        let of_tests = |path: &str| path.ends_with("tests.rs") || path.contains("/tests/");
        let paths = self.paths("src", "rs").filter(|path| !of_tests(path));
        paths.map(|path| Source::parse(path, &self.0[path])).collect()
    }
}

/// One token: an identifier, a literal as it is written, `::`, another character of punctuation, or a bracket.
pub struct Token {
    pub text: String,
    pub line: usize,
    /// Of an opening bracket, the index of the one that closes it; of any other token, its own index.
    pub close: usize,
}

/// A Rust file below `src/`.
pub struct Source {
    pub path: String,
    pub text: String,
    pub tokens: Vec<Token>,
}

impl Source {
    fn parse(path: &str, text: &str) -> Self {
        let stream: TokenStream = text.parse().unwrap_or_else(|e| panic!("{path}: {e}"));
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        Source { path: path.to_owned(), text: text.to_owned(), tokens }
    }

    /// The folder or file of `src/` that it belongs to: `src/exact/scan/tile.rs` is of `exact`. `src/lib.rs` is of none.
    pub fn module(&self) -> Option<&str> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.split('/').next().filter(|name| *name != "lib")
    }

    /// The texts of `count` tokens from `at`, fewer at the end.
    pub fn texts(&self, at: usize, count: usize) -> Vec<&str> {
        self.tokens.iter().skip(at).take(count).map(|token| token.text.as_str()).collect()
    }

    /// The text of the token at `at`, empty behind the last.
    pub fn text_at(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    pub fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.tokens[at].line)
    }
}

fn flatten(stream: TokenStream, out: &mut Vec<Token>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        let attributes = attributes(&trees[at..]);
        if trees[at..].iter().take(attributes).any(is_cfg_test) {
            at = end_of_item(&trees, at + attributes);
            continue;
        }
        let line = trees[at].span().start().line;
        let mut push = |text: String| {
            out.push(Token { text, line, close: out.len() });
            out.len() - 1
        };
        match &trees[at] {
            TokenTree::Ident(ident) => drop(push(ident.to_string())),
            TokenTree::Literal(literal) => drop(push(literal.to_string())),
            TokenTree::Punct(punct) if is_path_separator(&trees[at..]) => {
                push(format!("{0}{0}", punct.as_char()));
                at += 1;
            }
            TokenTree::Punct(punct) => drop(push(punct.as_char().to_string())),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                let opened = push(open.to_owned());
                flatten(group.stream(), out);
                let line = group.span_close().start().line;
                out[opened].close = out.len();
                out.push(Token { text: close.to_owned(), line, close: out.len() });
            }
        }
        at += 1;
    }
}

fn is_punct(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn is_path_separator(trees: &[TokenTree]) -> bool {
    // In `name: ::path` the first colon stands alone.
    let joint = matches!(trees.first(), Some(TokenTree::Punct(p)) if p.spacing() == Spacing::Joint);
    joint && is_punct(trees.first(), ':') && is_punct(trees.get(1), ':')
}

/// How many trees the attributes take that `trees` starts with: two each, `#` and its group.
fn attributes(trees: &[TokenTree]) -> usize {
    let mut at = 0;
    while is_punct(trees.get(at), '#') && matches!(trees.get(at + 1), Some(TokenTree::Group(_))) {
        at += 2;
    }
    at
}

fn is_cfg_test(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    let text = group.stream().to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
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
