//! Which file uses which: every name is followed through imports, re-exports and globs to the file that defines it, so that a
//! re-export hides nothing.
//!
//! What a file uses is what it imports for itself, and every path and macro that its text names. Declaring a module, or
//! handing a name on that the file itself does not mention, is no use. Not seen are methods of types that are not named, and
//! what a macro's expansion defines: a name that its module does not define is taken as a use of that module's file.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{Import, Module, Modules};
use crate::source::Tree;

/// The name by which the programs call the library.
const LIBRARY: &str = env!("CARGO_PKG_NAME");

/// One file's use of a name that another file defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub from: String,
    pub to: String,
    pub name: String,
    /// Where `from` has it first.
    pub line: usize,
}

/// All uses between the files of a tree.
pub struct Uses {
    pub files: BTreeSet<String>,
    /// In the order of their files and names.
    pub all: Vec<Use>,
    /// What kept a file from being read.
    pub problems: Vec<String>,
}

impl Uses {
    pub fn of(tree: &Tree) -> Self {
        let modules = Modules::of(tree);
        let mut first: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for module in 0..modules.all.len() {
            let from = &modules.all[module].file;
            for (definition, line) in uses_of(&modules, module) {
                if definition.file != *from {
                    let use_ = (from.clone(), definition.file, definition.name);
                    let at = first.entry(use_).or_insert(line);
                    *at = line.min(*at);
                }
            }
        }
        let all = first
            .into_iter()
            .map(|((from, to, name), line)| Use { from, to, name, line })
            .collect();
        let files = modules.all.iter().map(|module| module.file.clone()).collect();
        Uses { files, all, problems: modules.problems }
    }
}

/// What a path leads to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(usize),
    Definition(Definition),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Definition {
    file: String,
    name: String,
}

/// What the text of a module uses, with the line of each.
fn uses_of(modules: &Modules, at: usize) -> Vec<(Definition, usize)> {
    let module = &modules.all[at];
    let mut found = Vec::new();
    let mut add = |targets: BTreeSet<Target>, line| {
        found.extend(targets.into_iter().filter_map(|target| match target {
            Target::Definition(definition) => Some((definition, line)),
            // A module is used through what is named in it.
            Target::Module(_) => None,
        }));
    };
    for import in &module.imports {
        let mentioned = import.name.as_ref().and_then(|name| module.mentions.get(name));
        let targets = resolve(modules, at, &import.path, &mut Visited::new());
        match (import.glob, import.public) {
            (true, public) => {
                add(mentioned_through_glob(modules, module, &targets), import.line);
                if !public {
                    add(traits_of(modules, &targets), import.line);
                    // The enum whose variants they are.
                    add(targets, import.line);
                }
            }
            (false, false) => add(targets, import.line),
            (false, true) => {
                if let Some(line) = mentioned {
                    add(targets, *line);
                }
            }
        }
    }
    for path in &module.paths {
        let mut targets = resolve(modules, at, &path.path, &mut Visited::new());
        if let ([name], true) = (&path.path[..], targets.is_empty()) {
            // A macro is in scope below its definition without any import.
            let files = modules.macros.get(name).into_iter().flatten();
            targets.extend(files.map(|file| definition(file, name)));
        }
        add(targets, path.line);
    }
    found
}

/// What the module's text takes through a glob by name.
fn mentioned_through_glob(
    modules: &Modules,
    module: &Module,
    globs: &BTreeSet<Target>,
) -> BTreeSet<Target> {
    let own = |name: &&String| {
        !module.items.contains(*name)
            && !module.children.contains_key(*name)
            && !module.imports.iter().any(|import| import.name.as_ref() == Some(name))
    };
    let mut found = BTreeSet::new();
    for glob in globs {
        let Target::Module(glob) = glob else { continue };
        for name in module.mentions.keys().filter(own) {
            found.extend(lookup(modules, *glob, name, &mut Visited::new()));
        }
    }
    found
}

/// A glob brings the methods of these into scope, which are called without naming them.
fn traits_of(modules: &Modules, globs: &BTreeSet<Target>) -> BTreeSet<Target> {
    let of = |target: &Target| match target {
        Target::Module(glob) => {
            let module = &modules.all[*glob];
            module.traits.iter().map(|name| definition(&module.file, name)).collect()
        }
        Target::Definition(_) => Vec::new(),
    };
    globs.iter().flat_map(of).collect()
}

fn definition(file: &str, name: &str) -> Target {
    Target::Definition(Definition { file: file.to_owned(), name: name.to_owned() })
}

/// The names that are being looked up, by module: imports may lead in a circle.
type Visited = BTreeSet<(usize, String)>;

/// What `path` means in the module at `from`. Nothing, if it leads out of the crate.
fn resolve(
    modules: &Modules,
    from: usize,
    path: &[String],
    visited: &mut Visited,
) -> BTreeSet<Target> {
    let Some((first, rest)) = path.split_first() else { return BTreeSet::new() };
    let mut targets = match first.as_str() {
        "crate" => BTreeSet::from([Target::Module(modules.root_of(from))]),
        "self" => BTreeSet::from([Target::Module(from)]),
        "super" => modules.all[from].parent.map(Target::Module).into_iter().collect(),
        name => lookup(modules, from, name, visited),
    };
    if targets.is_empty() && first == LIBRARY {
        targets.extend(modules.library.map(Target::Module));
    }
    for name in rest {
        targets = targets
            .into_iter()
            .flat_map(|target| match target {
                Target::Module(module) if name == "super" => {
                    modules.all[module].parent.map(Target::Module).into_iter().collect()
                }
                Target::Module(module) => {
                    let inner = lookup(modules, module, name, visited);
                    let unknown = || BTreeSet::from([definition(&modules.all[module].file, name)]);
                    if inner.is_empty() && !leads_out(modules, module, name) {
                        unknown()
                    } else {
                        inner
                    }
                }
                // A variant, a constant or a function of a type.
                definition => BTreeSet::from([definition]),
            })
            .collect();
    }
    targets
}

/// What the module calls `name`: a child, a definition of its own, what it imports, what its globs bring.
fn lookup(modules: &Modules, module: usize, name: &str, visited: &mut Visited) -> BTreeSet<Target> {
    let here = &modules.all[module];
    let children = here.children.get(name).into_iter().flatten();
    let mut found: BTreeSet<Target> = children.map(|child| Target::Module(*child)).collect();
    if here.items.contains(name) {
        found.insert(definition(&here.file, name));
    }
    // `use scan::scan;` looks `scan` up while it is looked up: what it means there is the child.
    if !visited.insert((module, name.to_owned())) {
        return found;
    }
    for import in here.imports.iter().filter(|import| import.name.as_deref() == Some(name)) {
        found.extend(resolve(modules, module, &import.path, visited));
    }
    if found.is_empty() {
        for import in here.imports.iter().filter(|import| import.glob) {
            for target in resolve(modules, module, &import.path, visited) {
                if let Target::Module(glob) = target {
                    found.extend(lookup(modules, glob, name, visited));
                }
            }
        }
    }
    visited.remove(&(module, name.to_owned()));
    found
}

/// Whether the module imports `name` from another crate.
fn leads_out(modules: &Modules, module: usize, name: &str) -> bool {
    let foreign = |import: &Import| {
        import.name.as_deref() == Some(name)
            && resolve(modules, module, &import.path, &mut Visited::new()).is_empty()
    };
    modules.all[module].imports.iter().any(foreign)
}
