//! What the tokens of a file declare, import and name.

use std::collections::BTreeMap;

use crate::modules::{Import, Modules, NamedPath};
use crate::source::Source;

/// Reads the tokens of one file into its modules.
pub struct Reader<'a> {
    pub modules: &'a mut Modules,
    pub sources: &'a BTreeMap<String, Source>,
    pub source: &'a Source,
}

/// The attributes of the coming item that matter here.
#[derive(Default)]
struct Attributes {
    path: Option<String>,
    macro_export: bool,
}

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "false",
    "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "type", "unsafe", "use",
    "where", "while", "crate",
];

impl Reader<'_> {
    /// The tokens from `at` to `end`, which are the text of `module`.
    pub fn body(&mut self, module: usize, mut at: usize, end: usize) {
        // Items count where no bracket is open but those of the module.
        let (mut nested_until, mut public, mut attributes) = (at, false, Attributes::default());
        while at < end {
            let text = self.source.text_at(at);
            let nested = at < nested_until;
            let was_public = std::mem::take(&mut public);
            match text {
                "#" => {
                    self.attribute(module, at, &mut attributes);
                    // The attribute's own words are read as any others: they may hold paths.
                }
                "pub" => {
                    public = true;
                    if self.source.text_at(at + 1) == "(" {
                        let close = self.source.tokens[at + 1].close;
                        let restricts = self.source.text_at(at + 2) == "in" || close == at + 3;
                        at = if restricts { close } else { at };
                    }
                }
                "use" if self.source.text_at(at + 1) != "<" => {
                    at = self.import(module, at, was_public);
                    attributes = Attributes::default();
                }
                "mod" if is_name(self.source.text_at(at + 1)) => {
                    at = self.module(module, at, std::mem::take(&mut attributes));
                }
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static"
                    if !nested =>
                {
                    self.item(module, at);
                    attributes = Attributes::default();
                }
                "macro_rules" if self.source.text_at(at + 1) == "!" => {
                    self.macro_rules(module, at, std::mem::take(&mut attributes));
                    at += 2;
                }
                "{" | "(" | "[" => nested_until = nested_until.max(self.source.tokens[at].close),
                _ if is_name(text) || matches!(text, "crate" | "self" | "super") => {
                    at = self.path(module, at);
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// `#[path = "..."]`, `#[macro_export]`, and paths in strings, as in `#[serde(with = "super::hex")]`.
    fn attribute(&mut self, module: usize, at: usize, attributes: &mut Attributes) {
        let open = if self.source.text_at(at + 1) == "!" { at + 2 } else { at + 1 };
        if self.source.text_at(open) != "[" {
            return;
        }
        match self.source.texts(open + 1, 3)[..] {
            ["path", "=", path] => attributes.path = Some(path.trim_matches('"').to_owned()),
            ["macro_export", ..] => attributes.macro_export = true,
            _ => {}
        }
        for token in &self.source.tokens[open..self.source.tokens[open].close] {
            let path: Vec<String> =
                token.text.trim_matches('"').split("::").map(str::to_owned).collect();
            if token.text.starts_with('"')
                && path.len() > 1
                && path.iter().all(|part| is_word(part))
            {
                let path = NamedPath { path, line: token.line };
                self.modules.all[module].paths.push(path);
            }
        }
    }

    /// `use tree;`, to the index of its last token.
    fn import(&mut self, module: usize, at: usize, public: bool) -> usize {
        let line = self.source.tokens[at].line;
        let (mut leaves, mut stop) = (Vec::new(), at + 1);
        // A leading `::` names another crate, whatever stands behind it.
        let foreign = self.source.text_at(stop) == "::";
        self.use_tree(&mut stop, &[], &mut leaves);
        if !foreign {
            let imports = leaves.into_iter().map(|(path, name, glob)| Import {
                path,
                name,
                glob,
                public,
                line,
            });
            self.modules.all[module].imports.extend(imports);
        }
        stop
    }

    /// Reads one tree from `at` on, and leaves `at` behind it.
    fn use_tree(
        &self,
        at: &mut usize,
        before: &[String],
        leaves: &mut Vec<(Vec<String>, Option<String>, bool)>,
    ) {
        let mut path = before.to_vec();
        loop {
            match self.source.text_at(*at) {
                "::" | "$" => *at += 1,
                "*" => {
                    *at += 1;
                    return leaves.push((path, None, true));
                }
                "{" => {
                    let close = self.source.tokens[*at].close;
                    *at += 1;
                    while *at < close {
                        let start = *at;
                        self.use_tree(at, &path, leaves);
                        // A comma, or what is no use tree at all.
                        *at += usize::from(self.source.text_at(*at) == "," || *at == start);
                    }
                    *at = close + 1;
                    return;
                }
                "as" => {
                    let name = self.source.text_at(*at + 1);
                    leaves.push((path, (name != "_").then(|| name.to_owned()), false));
                    *at += 2;
                    return;
                }
                word if is_word(word) => {
                    // `{self}` is the module itself.
                    if word != "self" || path.is_empty() {
                        path.push(word.to_owned());
                    }
                    *at += 1;
                }
                _ => {
                    let name = path.last().cloned();
                    return leaves.extend((!path.is_empty()).then_some((path, name, false)));
                }
            }
        }
    }

    /// `mod name;` or `mod name { ... }`, to the index of its last token.
    fn module(&mut self, parent: usize, at: usize, attributes: Attributes) -> usize {
        let name = self.source.text_at(at + 1).to_owned();
        let file = self.modules.all[parent].file.clone();
        let folder = format!("{}/{name}", self.modules.all[parent].folder);
        match self.source.text_at(at + 2) {
            "{" => {
                let child = self.modules.add(Some(parent), &file, folder);
                self.modules.all[parent].children.entry(name).or_default().push(child);
                let close = self.source.tokens[at + 2].close;
                self.body(child, at + 3, close);
                return close;
            }
            ";" => {}
            _ => return at + 1,
        }
        let inline = self.modules.all[parent]
            .parent
            .is_some_and(|above| self.modules.all[above].file == file);
        let candidates = match attributes.path {
            // From the folder of the file, inside an inline module from where its children are.
            Some(path) if inline => vec![(joined(&self.modules.all[parent].folder, &path), true)],
            Some(path) => vec![(joined(file.rsplit_once('/').map_or("", |(f, _)| f), &path), true)],
            None => vec![(format!("{folder}.rs"), false), (format!("{folder}/mod.rs"), false)],
        };
        let found = candidates.into_iter().find(|(path, _)| self.sources.contains_key(path));
        let Some((path, given)) = found else {
            let problem = format!("{}: no file for `mod {name}`", self.source.place(at));
            self.modules.problems.push(problem);
            return at + 2;
        };
        // A file that `#[path]` names has its children beside it.
        let beside = path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
        let child = self.modules.add(Some(parent), &path, if given { beside } else { folder });
        self.modules.all[parent].children.entry(name).or_default().push(child);
        self.modules.read_file(child, self.sources);
        at + 2
    }

    fn item(&mut self, module: usize, at: usize) {
        let next = self.source.text_at(at + 1);
        let name = if next == "mut" { self.source.text_at(at + 2) } else { next };
        let pointer = at > 0 && self.source.text_at(at - 1) == "*";
        if is_name(name) && !pointer {
            let module = &mut self.modules.all[module];
            module.items.insert(name.to_owned());
            if self.source.text_at(at) == "trait" {
                module.traits.insert(name.to_owned());
            }
        }
    }

    /// Its body is read as any other text: what it names, the file that defines it uses.
    fn macro_rules(&mut self, module: usize, at: usize, attributes: Attributes) {
        let name = self.source.text_at(at + 2).to_owned();
        let file = self.source.path.clone();
        self.modules.macros.entry(name.clone()).or_default().insert(file);
        if attributes.macro_export {
            // It is a name of the crate's root as well, wherever it is defined.
            let root = self.modules.root_of(module);
            let path = self.modules.path_from_root(module, &name);
            let line = self.source.tokens[at].line;
            let import = Import { path, name: Some(name.clone()), glob: false, public: true, line };
            if root != module {
                self.modules.all[root].imports.push(import);
            }
        }
        self.modules.all[module].items.insert(name);
    }

    /// The path that starts at `at`, to the index of its last token.
    fn path(&mut self, module: usize, at: usize) -> usize {
        let (source, line) = (self.source, self.source.tokens[at].line);
        let mut path = vec![source.text_at(at).to_owned()];
        let mut last = at;
        while source.text_at(last + 1) == "::" && is_word(source.text_at(last + 2)) {
            last += 2;
            path.push(source.text_at(last).to_owned());
        }
        let before = at.checked_sub(1).map_or("", |at| source.text_at(at));
        let after = source.text_at(last + 1);
        let field = before == "." && (at < 2 || source.text_at(at - 2) != ".");
        let part = field || matches!(before, "::" | "'") || before == "$" && path[0] != "crate";
        let bound = path.len() == 1
            && (after == ":"
                || matches!(before, "let" | "mut" | "fn")
                    && path[0].starts_with(char::is_lowercase));
        if part || bound {
            return last;
        }
        let module = &mut self.modules.all[module];
        if is_name(&path[0]) {
            module.mentions.entry(path[0].clone()).or_insert(line);
        }
        let invoked = after == "!" && source.text_at(last + 2) != "=";
        if path.len() > 1 || invoked {
            module.paths.push(NamedPath { path, line });
        }
        last
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text != "_"
}

fn is_name(text: &str) -> bool {
    is_word(text) && !KEYWORDS.contains(&text)
}

/// `a/b` and `../c.rs` is `a/c.rs`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}
