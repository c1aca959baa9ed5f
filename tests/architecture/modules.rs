//! The modules of the crate as the source declares them: where each stands, what it defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};

use crate::reader::Reader;
use crate::source::{Source, Tree};

/// A module, with or without a file of its own.
#[derive(Default)]
pub struct Module {
    /// The file that its text stands in.
    pub file: String,
    pub parent: Option<usize>,
    /// More than one module has a name where `cfg` chooses between them.
    pub children: BTreeMap<String, Vec<usize>>,
    /// What it defines, macros included. What a macro's expansion defines is not seen.
    pub items: BTreeSet<String>,
    /// Those of `items` that are traits: a glob import brings their methods into scope though no one names them.
    pub traits: BTreeSet<String>,
    pub imports: Vec<Import>,
    pub paths: Vec<NamedPath>,
    /// Every identifier that may be a name from the module's scope, with the first line where it stands.
    pub mentions: BTreeMap<String, usize>,
    /// Where the files of its children are.
    pub folder: String,
}

/// One leaf of a `use` tree.
pub struct Import {
    pub path: Vec<String>,
    /// What the module calls it; none for `_` and for a glob.
    pub name: Option<String>,
    pub glob: bool,
    /// `pub` in any form: the module hands it on.
    pub public: bool,
    pub line: usize,
}

/// A path outside of `use`. One of a single name is a macro that is invoked; other single names are mentions.
pub struct NamedPath {
    pub path: Vec<String>,
    pub line: usize,
}

/// The modules of the library and of each program.
pub struct Modules {
    pub all: Vec<Module>,
    /// The library's root module, if the tree has a library.
    pub library: Option<usize>,
    /// The files that define a macro, by the macro's name.
    pub macros: BTreeMap<String, BTreeSet<String>>,
    /// Files that no `mod` leads to, and `mod`s that lead to no file.
    pub problems: Vec<String>,
}

impl Modules {
    pub fn of(tree: &Tree) -> Self {
        let sources: BTreeMap<String, Source> =
            tree.sources().into_iter().map(|source| (source.path.clone(), source)).collect();
        let mut modules = Modules {
            all: Vec::new(),
            library: None,
            macros: BTreeMap::new(),
            problems: Vec::new(),
        };
        for path in sources.keys().filter(|path| is_crate_root(path)) {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let root = modules.add(None, path, folder.to_owned());
            if path == "src/lib.rs" {
                modules.library = Some(root);
            }
            modules.read_file(root, &sources);
        }
        let read: BTreeSet<&str> = modules.all.iter().map(|module| &*module.file).collect();
        let unread = sources.keys().filter(|path| !read.contains(path.as_str()));
        let unread: Vec<String> =
            unread.map(|path| format!("{path}: no `mod` leads here")).collect();
        modules.problems.extend(unread);
        modules
    }

    pub fn add(&mut self, parent: Option<usize>, file: &str, folder: String) -> usize {
        self.all.push(Module { file: file.to_owned(), parent, folder, ..Module::default() });
        self.all.len() - 1
    }

    pub fn root_of(&self, mut module: usize) -> usize {
        while let Some(parent) = self.all[module].parent {
            module = parent;
        }
        module
    }

    /// The path from the root of the crate to what the module defines as `name`.
    pub fn path_from_root(&self, module: usize, name: &str) -> Vec<String> {
        let mut path = vec![name.to_owned()];
        let mut at = module;
        while let Some(parent) = self.all[at].parent {
            let children = &self.all[parent].children;
            path.extend(
                children
                    .iter()
                    .find(|(_, child)| child.contains(&at))
                    .map(|(name, _)| name.clone()),
            );
            at = parent;
        }
        path.push("crate".to_owned());
        path.reverse();
        path
    }

    pub fn read_file(&mut self, module: usize, sources: &BTreeMap<String, Source>) {
        let source = &sources[&self.all[module].file];
        Reader { modules: self, sources, source }.body(module, 0, source.tokens.len());
    }
}

fn is_crate_root(path: &str) -> bool {
    let program = path.strip_prefix("src/bin/");
    matches!(path, "src/lib.rs" | "src/main.rs")
        || program.is_some_and(|p| {
            !p.contains('/') || p.ends_with("/main.rs") && p.matches('/').count() == 1
        })
}
