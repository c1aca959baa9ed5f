//! Everything that an application can name has an example in which it occurs: its own, or that of another item which is named here.

use std::collections::{BTreeMap, BTreeSet};

use crate::report;
use crate::source::{Source, Tree};

/// The files whose `pub use` says what an application can name. `reference` is left out, which has tests for users.
const FACES: &[&str] = &["src/lib.rs", "src/format/mod.rs"];

/// Other crates that are handed on.
const FOREIGN: &[&str] = &["half", "wgpu"];

/// What needs no example of its own: the item in whose example it occurs, and which these are.
const COVERED: &[(&str, &[&str])] = &[
    (
        "AddParams",
        &["AddParams::cancel", "AddParams::ids", "AddParams::new", "AddParams::progress"],
    ),
    ("AtomicFile", &["AtomicFile::create", "AtomicFile::finish", "AtomicFile::write"]),
    (
        "AtomicFile::finish_all",
        &["IdWriter::complete", "NpyWriter::complete", "RowWriter::complete"],
    ),
    ("AtomicFile::ready_all", &["ReadyFiles", "ReadyFiles::finish"]),
    ("BinaryFlat", &["BinaryFlat::new", "Index::add_rows"]),
    (
        "CancelToken",
        &["CancelToken::cancel", "CancelToken::new", "Hits::len", "SearchParams::cancel"],
    ),
    (
        "Conversion",
        &["Conversion::scale", "Conversion::to", "RowFile::rows", "RowFile::scale", "Scale"],
    ),
    ("Conversion::bit_order", &["BitOrder"]),
    ("Conversion::first", &["RowFile::rows_in_file"]),
    ("DType", &["Rows::dtype"]),
    ("Error::io", &["Result"]),
    ("Flat", &["Flat::new"]),
    ("Gpu::adapters", &["AdapterSummary"]),
    ("Gpu::adopt", &["Gpu::required_features", "Gpu::required_limits"]),
    ("GpuBuilder", &["GpuBuilder::build"]),
    ("GpuBuilder::backend", &["Backend"]),
    ("Hits", &["Hits::rows", "Hits::to_arrays"]),
    ("HostRows", &["HostRows::f32", "HostRows::new"]),
    ("IdFile", &["IdFile::columns", "IdFile::next_ids", "IdFile::open", "IdFile::row_count"]),
    ("IdFilter", &["IdFilter::is_member"]),
    ("IdFilter::from_fn", &["IdPredicate"]),
    ("IdWriter", &["IdWriter::create", "IdWriter::finish", "IdWriter::write"]),
    ("Index", &["Index::add_with_ids", "Index::ids", "Index::reconstruct", "Search::len"]),
    ("Index::remove", &["Index::contains"]),
    ("Index::train", &["Index::training_rows"]),
    ("Index::write_unnamed", &["Index::write"]),
    ("Index::update_rows", &["Index::update"]),
    ("IndexInfo", &["IndexInfo::read"]),
    ("IvfFlat", &["IvfFlat::new", "IvfParams::nprobe"]),
    ("IvfFlat::read", &["IvfFlat::nlist", "IvfFlat::nprobe"]),
    ("IvfFlat::with_centroids", &["IvfFlat::list_sizes"]),
    ("IvfParams", &["IvfParams::new", "IvfStats"]),
    ("IvfSq", &["IvfSq::new"]),
    ("IvfSq::read", &["IvfSq::nlist", "IvfSq::nprobe", "IvfSq::quantizer"]),
    ("IvfSq::with_centroids", &["IvfSq::list_sizes"]),
    ("IvfSq::with_originals", &["IvfSq::originals"]),
    ("ListSizes", &["ListSizes::of"]),
    (
        "KMeansParams",
        &[
            "KMeansParams::assignments",
            "KMeansParams::balance",
            "KMeansParams::cancel",
            "KMeansParams::early_stop_threshold",
            "KMeansParams::init",
            "KMeansParams::min_points_per_centroid",
            "KMeansParams::new",
            "KMeansParams::niter",
            "KMeansParams::nredo",
            "KMeansParams::seed",
            "KMeansParams::spherical",
            "KMeansParams::weights",
        ],
    ),
    ("KMeansParams::centroids", &["KMeansParams::frozen_centroids"]),
    ("Matrix", &["Matrix::len"]),
    ("Matrix::buffers", &["Matrix::stride"]),
    ("Matrix::empty", &["Matrix::is_empty"]),
    ("MemoryReport", &["LabelUse"]),
    ("Metric::wgsl", &["CustomMetric"]),
    ("NpyWriter", &["NpyElement", "NpyWriter::create", "NpyWriter::finish", "NpyWriter::write"]),
    ("Pending", &["Pending::wait"]),
    ("PreparedFilter", &["SearchParams::prepared"]),
    ("Profile", &["Profile::get", "Profile::name"]),
    ("RowFile", &["RowFile::path", "RowFile::row_count"]),
    ("RowFile::as_rows", &["RowFile::is_direct"]),
    ("RowFile::losses", &["Losses"]),
    ("RowLayout", &["RowLayout::new", "RowLayout::offset", "RowLayout::stride"]),
    ("RowList", &["RowList::next_ids", "RowList::open"]),
    (
        "RowSource",
        &["RowSource::dim", "RowSource::dtype", "RowSource::next_rows", "RowSource::remaining"],
    ),
    ("RowStore", &["RowStore::row_count", "RowStore::stream"]),
    ("RowWriter", &["RowWriter::create", "RowWriter::finish", "RowWriter::write"]),
    ("Rows", &["Rows::count"]),
    (
        "ScalarQuantizer",
        &[
            "ScalarQuantizer::code_bytes",
            "ScalarQuantizer::decode",
            "ScalarQuantizer::dim",
            "ScalarQuantizer::encode",
            "ScalarQuantizer::kind",
            "ScalarQuantizer::train",
        ],
    ),
    ("ScalarQuantizer::new", &["ScalarQuantizer::is_trained"]),
    ("Search::assign", &["Search::is_trained"]),
    ("Search::search", &["Hits::ids"]),
    ("SearchParams", &["SearchParams::new"]),
    ("SearchParams::guarantee", &["Guarantee"]),
    ("SearchParams::timed", &["StageTime"]),
    ("SearchStats", &["ExactStats"]),
    ("SliceSource", &["SliceSource::new"]),
    (
        "SqRange",
        &["ScalarQuantizer::range", "ScalarQuantizer::trained", "ScalarQuantizer::with_range"],
    ),
    ("StreamedFlat", &["Search::dim", "StreamStats", "StreamedFlat::new"]),
    (
        "TrainParams",
        &[
            "Index::train_with",
            "TrainParams::cancel",
            "TrainParams::kmeans",
            "TrainParams::new",
            "TrainParams::progress",
        ],
    ),
    ("TuneParams", &["TuneParams::k", "TuneParams::new", "TuneParams::recall"]),
    ("convert", &["Converted"]),
    ("index_factory", &["Search::is_empty"]),
    ("inspect", &["FileInfo"]),
    ("open", &["RowFile::open"]),
    ("kmeans", &["KMeans"]),
    ("tune_search", &["TuneCurve"]),
    ("normalize", &["Matrix::dim", "Matrix::dtype"]),
];

#[test]
fn every_public_item_occurs_in_an_example() {
    let items = items(&Tree::of_the_repository());
    let problems = [missing(&items), outdated(&items)].concat();
    report(&format!("{} public items", items.len()), &problems);
}

#[test]
fn what_has_no_example_is_found() {
    let face = "pub use thing::{Thing, named};\n#[doc(hidden)]\npub use thing::Hidden;";
    let thing = r#"
        //! ```
        //! Thing::forgotten();
        //! ```
        /// ```
        /// Thing::shown();
        /// ```
        pub struct Thing(u32);
        pub struct Hidden;
        impl<'a, F: Fn() -> u32> Thing {
            /// Has one.
            /// ```no_run
            /// Thing::own();
            /// ```
            #[must_use]
            pub const fn own() -> [u32; 2] { [0, 1] }
            /// No code, nor what is no Rust.
            /// ```text
            /// forgotten
            /// ```
            pub fn forgotten(&self) {}
            /// ```
            /// another();
            /// ```
            pub fn unnamed() {}
            /// In the type's.
            pub fn shown() {}
            pub(crate) fn inner() {}
        }
        impl Drop for Thing { fn drop(&mut self) {} }
        impl Hidden { pub fn hidden() {} }
        pub fn named() {}
    "#;
    let items = items(&Tree::of(&[("src/lib.rs", face), ("src/thing.rs", thing)]));
    let without: Vec<&str> =
        items.iter().filter(|(_, item)| !item.shown).map(|(name, _)| name.as_str()).collect();
    assert_eq!(without, ["Thing::forgotten", "Thing::shown", "Thing::unnamed", "named"]);
    assert!(items["Thing"].names("shown") && !items["Thing"].names("forgotten"));
}

struct Item {
    place: String,
    /// The code of its examples.
    code: String,
    /// Whether it has an example, in which a function is also called by its name.
    shown: bool,
}

impl Item {
    fn new(source: &Source, at: usize, docs: &[String], function: Option<&str>) -> Item {
        let mut item = Item { place: source.place(at), code: code(docs), shown: false };
        item.shown = !item.code.is_empty() && function.is_none_or(|name| item.names(name));
        item
    }

    fn names(&self, name: &str) -> bool {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        self.code.split(|c| !word(c)).any(|found| found == name)
    }
}

/// Those without an example that nobody stands in for.
fn missing(items: &BTreeMap<String, Item>) -> Vec<String> {
    let covered: BTreeSet<&str> =
        COVERED.iter().flat_map(|(_, those)| those.iter().copied()).collect();
    let without = items.iter().filter(|(name, item)| !item.shown && !covered.contains(&***name));
    without
        .map(|(name, item)| format!("{}: no example in which {name} occurs", item.place))
        .collect()
}

/// Entries of the list that say what is not so. A type need not be spelt where its values are used.
fn outdated(items: &BTreeMap<String, Item>) -> Vec<String> {
    let mut problems = Vec::new();
    for (by, covered) in COVERED {
        for name in *covered {
            let last = name.rsplit("::").next().unwrap_or(name);
            let is_type = last.starts_with(char::is_uppercase);
            match (items.get(*by), items.get(*name)) {
                (_, Some(item)) if item.shown => {
                    problems.push(format!("{name} has an example of its own"));
                }
                (Some(example), Some(_)) if example.shown && (is_type || example.names(last)) => {}
                _ => problems.push(format!("{name} does not occur in the example of {by}")),
            }
        }
    }
    problems
}

/// What an application can name, by its type and name.
fn items(tree: &Tree) -> BTreeMap<String, Item> {
    let sources = tree.sources();
    let public: BTreeSet<String> =
        sources.iter().filter(|source| FACES.contains(&&*source.path)).flat_map(exported).collect();
    let mut found = BTreeMap::new();
    for source in &sources {
        if matches!(source.module(), Some("bin" | "reference")) {
            continue;
        }
        for part in parts(source, 0, source.tokens.len()) {
            let head = source.texts(part.at, part.end - part.at);
            let kind = head
                .iter()
                .position(|word| ["struct", "enum", "trait", "type", "fn", "impl"].contains(word));
            let Some(kind) = kind else { continue };
            let name = match head[kind] {
                "impl" => implemented(&head[kind + 1..]),
                _ if head[0] == "pub" && head[1] != "(" => head.get(kind + 1).copied(),
                _ => None,
            };
            let Some(name) = name.filter(|name| public.contains(*name)) else { continue };
            if head[kind] != "impl" {
                let function = (head[kind] == "fn").then_some(name);
                found.insert(name.to_owned(), Item::new(source, part.at, &part.docs, function));
            }
            if matches!(head[kind], "impl" | "trait") {
                for inner in parts(source, part.end + 1, source.tokens[part.end].close) {
                    let words = source.texts(inner.at, inner.end - inner.at);
                    let Some(fun) = words.iter().position(|word| *word == "fn") else { continue };
                    let open = head[kind] == "trait" || (words[0] == "pub" && words[1] != "(");
                    if let Some(own) = words.get(fun + 1).filter(|_| open) {
                        let item = Item::new(source, inner.at, &inner.docs, Some(own));
                        found.insert(format!("{name}::{own}"), item);
                    }
                }
            }
        }
    }
    let known = |name: &&String| found.contains_key(*name) || FOREIGN.contains(&name.as_str());
    let unknown: Vec<&String> = public.iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "not found in the source: {unknown:?}");
    found
}

/// An item: what is before its body or its semicolon.
struct Part {
    docs: Vec<String>,
    at: usize,
    end: usize,
}

/// The items between two tokens, on that level alone, without those that are hidden.
fn parts(source: &Source, mut at: usize, end: usize) -> Vec<Part> {
    let (mut all, mut docs, mut hidden) = (Vec::new(), Vec::new(), false);
    while at < end {
        match source.texts(at, 5)[..] {
            ["#", "!", "[", ..] => at = source.tokens[at + 2].close + 1,
            ["#", "[", "doc", "=", text] => {
                docs.push(text.to_owned());
                at = source.tokens[at + 1].close + 1;
            }
            ["#", "[", "doc", "(", "hidden"] => {
                hidden = true;
                at = source.tokens[at + 1].close + 1;
            }
            ["#", "[", ..] => at = source.tokens[at + 1].close + 1,
            _ => {
                let start = at;
                while at < end && !matches!(source.text_at(at), "{" | ";") {
                    at = source.tokens[at].close + 1;
                }
                let docs = std::mem::take(&mut docs);
                if !std::mem::take(&mut hidden) {
                    all.push(Part { docs, at: start, end: at });
                }
                at = source.tokens.get(at).map_or(end, |token| token.close) + 1;
            }
        }
    }
    all
}

/// The names that a file hands on.
fn exported(source: &Source) -> Vec<String> {
    let mut names = Vec::new();
    let (mut at, end) = (0, source.tokens.len());
    while at < end {
        let attributes = at;
        while source.text_at(at) == "#" {
            let open = at + 1 + usize::from(source.text_at(at + 1) == "!");
            at = source.tokens[open].close + 1;
        }
        let hidden = source.texts(attributes, at - attributes).contains(&"hidden");
        let start = at;
        while at < end
            && source.text_at(at) != ";"
            && (source.text_at(start) == "pub" || source.text_at(at) != "{")
        {
            at += 1;
        }
        if !hidden && source.texts(start, 2) == ["pub", "use"] {
            let is_name = |at: &usize| matches!(source.text_at(at + 1), "," | "}" | ";");
            let words = (start..at).filter(is_name).map(|at| source.text_at(at).to_owned());
            names.extend(words.filter(|word| word.starts_with(char::is_alphabetic)));
        }
        at = source.tokens.get(at).map_or(end, |token| token.close) + 1;
    }
    names
}

/// The type that functions are written for; none where it is a trait's implementation.
fn implemented<'a>(head: &[&'a str]) -> Option<&'a str> {
    if head.contains(&"for") {
        return None;
    }
    let (mut depth, mut before) = (0, "");
    for word in head {
        match *word {
            "<" => depth += 1,
            ">" if before != "-" => depth -= 1,
            word if depth == 0 => return Some(word),
            _ => {}
        }
        before = word;
    }
    None
}

/// The lines of Rust between fences.
fn code(docs: &[String]) -> String {
    let (mut code, mut open) = (String::new(), None);
    for line in docs {
        let line = line.trim_matches('"').trim();
        match (line.strip_prefix("```"), open) {
            (Some(language), None) => {
                open = Some(matches!(language, "" | "no_run" | "should_panic"))
            }
            (Some(_), Some(_)) => open = None,
            (None, Some(true)) => code = code + line + "\n",
            _ => {}
        }
    }
    code
}
