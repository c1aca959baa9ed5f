//! Circles: direct, and through everything that could hide one.

use super::{Files, one_fault, with};
use crate::circles::{circles_of_files, circles_of_folders};
use crate::source::Tree;
use crate::uses::Uses;

fn circles(files: Files) -> Vec<String> {
    let uses = Uses::of(&Tree::of(files));
    let mut problems = uses.problems.clone();
    problems.extend(circles_of_files(&uses));
    problems.extend(circles_of_folders(&uses));
    problems
}

const LIB: &str = "mod a; mod b;";

#[test]
fn a_direct_circle() {
    let clean = [
        ("src/lib.rs", LIB),
        ("src/a.rs", "use crate::b::B; pub struct A(B);"),
        ("src/b.rs", "pub struct B;"),
    ];
    let said = [
        "circle of 2 files",
        "src/a.rs uses src/b.rs: B (line 1)",
        "src/b.rs uses src/a.rs: A (line 2)",
    ];
    one_fault(circles, &clean, "src/b.rs", "pub struct B;\nfn f(_: crate::a::A) {}", &said);
    // The same in a type, a pattern, behind an alias, and in a function.
    for text in [
        "pub struct B; impl From<&mut super::a::A> for B {}",
        "use crate::a as other; pub struct B; fn f(x: u8) { match x { other::LIMIT => {} _ => {} } }",
        "pub struct B; fn f() { use crate::{a::{A as Other}}; Other::new(); }",
        "use crate::*; pub struct B; fn f() { a::new(); }",
        "pub struct B; fn f(n: u8) { for _ in 0..crate::a::LIMIT {} }",
        "pub struct B; mod inner { use super::super::a::A; fn f(_: A) {} }",
        "#[serde(with = \"crate::a\")] pub struct B(#[serde(default = \"crate::a::new\")] u8);",
        "pub struct B; fn f() { dbg!(crate::a::new()); }",
    ] {
        one_fault(
            circles,
            &clean,
            "src/b.rs",
            text,
            &["circle of 2 files", "src/b.rs uses src/a.rs"],
        );
    }
}

#[test]
fn no_circle_in_tests_comments_strings_and_other_crates() {
    for text in [
        "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }",
        "pub struct B; #[cfg(test)] #[path = \"b_tests.rs\"] mod tests;",
        "pub struct B; #[path = \"b_tests.rs\"] #[cfg(test)] mod tests;",
        "//! [`crate::a::A`]\n/// [`super::a::A`]\npub struct B; // crate::a::A",
        "pub struct B; fn f() { print(\"crate::a::A\"); }",
        "pub struct B; use ::a::A; fn f() { ::a::new(); }",
        "pub struct B; fn f(x: u8) { x.a(); let a = 1; }",
        "pub(in crate::a) struct B;",
    ] {
        let files = [
            ("src/lib.rs", LIB),
            ("src/a.rs", "use crate::b::B; pub struct A(B);"),
            ("src/b.rs", text),
            ("src/b_tests.rs", "use crate::a::A;"),
        ];
        assert_eq!(circles(&files), [""; 0], "{text}");
    }
}

#[test]
fn a_circle_through_re_exports() {
    // Three hops: the root, the folder, a rename in the file between.
    let clean = [
        ("src/lib.rs", "mod a; mod b; pub use a::Deep;"),
        ("src/a/mod.rs", "mod middle; pub use middle::Renamed as Deep;"),
        ("src/a/middle.rs", "mod deep; pub(super) use deep::Original as Renamed;"),
        ("src/a/middle/deep.rs", "use crate::b::B; pub struct Original(B);"),
        ("src/b.rs", "pub struct B;"),
    ];
    let said = ["circle of 2 files", "src/b.rs uses src/a/middle/deep.rs: Original"];
    for text in [
        "pub struct B; fn f(_: crate::Deep) {}",
        "use crate::a::Deep; pub struct B;",
        "use super::a; pub struct B; fn f(_: a::Deep) {}",
    ] {
        one_fault(circles, &clean, "src/b.rs", text, &said);
    }
}

#[test]
fn a_circle_through_a_mod_rs() {
    let clean = [
        ("src/lib.rs", "mod a;"),
        (
            "src/a/mod.rs",
            "mod scan; mod merge; pub use scan::scan; pub use merge::merge; pub const BIN: u32 = 64;",
        ),
        ("src/a/scan.rs", "use super::BIN; use super::merge; pub fn scan() { merge(BIN) }"),
        ("src/a/merge.rs", "pub fn merge(_: u32) {}"),
    ];
    // Between the files that it re-exports.
    let merge = "pub fn merge(_: u32) { super::scan() }";
    one_fault(
        circles,
        &clean,
        "src/a/merge.rs",
        merge,
        &["src/a/merge.rs uses src/a/scan.rs: scan (line 1)"],
    );
    // With the file itself, which defines what its child uses, and uses what it hands on.
    let uses_itself = "mod scan; mod merge; pub use scan::scan; pub use merge::merge; pub const BIN: u32 = 64;\nfn f() { scan() }";
    let said = [
        "circle of 2 files",
        "src/a/mod.rs uses src/a/scan.rs: scan (line 2)",
        "src/a/scan.rs uses src/a/mod.rs: BIN",
    ];
    one_fault(circles, &clean, "src/a/mod.rs", uses_itself, &said);
}

#[test]
fn a_circle_through_a_macro() {
    let clean = [
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a.rs", "macro_rules! index { ($t:ident) => { struct $t; } } pub(crate) use index;"),
        ("src/b.rs", "use crate::a::index; pub struct B; index!(Flat);"),
    ];
    let said = ["circle of 2 files", "src/a.rs uses src/b.rs: B", "src/b.rs uses src/a.rs: index"];
    let body =
        "macro_rules! index { ($t:ident) => { struct $t($crate::b::B); } } pub(crate) use index;";
    one_fault(circles, &clean, "src/a.rs", body, &said);
    let body = "macro_rules! index { ($t:ident) => { use $crate::b::B; } } pub(crate) use index;";
    one_fault(circles, &clean, "src/a.rs", body, &said);

    // Exported to the root from wherever it stands, or in scope below where it is defined.
    for call in ["crate::index!(Flat);", "index!(Flat);"] {
        let text = format!("pub struct B; {call}");
        let clean = [
            ("src/lib.rs", "#[macro_use] mod a; mod b;"),
            ("src/a.rs", "pub mod inner;"),
            (
                "src/a/inner.rs",
                "#[macro_export] macro_rules! index { ($t:ident) => { struct $t; } }",
            ),
            ("src/b.rs", text.as_str()),
        ];
        let body =
            "#[macro_export] macro_rules! index { ($t:ident) => { struct $t($crate::b::B); } }";
        one_fault(
            circles,
            &clean,
            "src/a/inner.rs",
            body,
            &["src/b.rs uses src/a/inner.rs: index"],
        );
    }
}

#[test]
fn a_circle_through_super_super() {
    let clean = [
        ("src/lib.rs", "mod a;"),
        ("src/a/mod.rs", "mod b; mod plan;"),
        ("src/a/b/mod.rs", "mod deep; pub use deep::Deep;"),
        ("src/a/b/deep.rs", "pub struct Deep;"),
        ("src/a/plan.rs", "pub struct Plan; fn f(_: super::b::Deep) {}"),
    ];
    let said = ["circle of 2 files", "src/a/b/deep.rs uses src/a/plan.rs: Plan"];
    let uses = Uses::of(&Tree::of(&with(
        &clean,
        "src/a/b/deep.rs",
        "pub struct Deep(super::super::plan::Plan);",
    )));
    let found = circles_of_files(&uses);
    assert_eq!(circles(&clean), [""; 0]);
    assert!(
        matches!(&found[..], [one] if said.iter().all(|words| one.contains(words))),
        "{found:#?}"
    );
}

#[test]
fn a_circle_through_a_glob() {
    let clean = [
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a/mod.rs", "mod kinds; pub use kinds::*;"),
        ("src/a/kinds.rs", "use crate::b::B; pub struct Kind(B); pub struct Other;"),
        ("src/b.rs", "pub struct B;"),
    ];
    let said = ["circle of 2 files", "src/b.rs uses src/a/kinds.rs: Kind"];
    one_fault(circles, &clean, "src/b.rs", "pub struct B; fn f(_: crate::a::Kind) {}", &said);
    one_fault(
        circles,
        &clean,
        "src/b.rs",
        "use crate::a::*; pub struct B; fn f(_: Kind) {}",
        &said,
    );
    // A trait is used though only its methods are named.
    let methods =
        with(&clean, "src/a/kinds.rs", "use crate::b::B; pub trait Kind { fn kind(&self, _: B); }");
    let call = "use crate::a::kinds::*; pub struct B; fn f() { 1.kind(B) }";
    one_fault(circles, &methods, "src/b.rs", call, &said);
}

#[test]
fn a_circle_through_a_file_at_another_path() {
    let clean = [
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a.rs", "#[path = \"elsewhere/x.rs\"] mod y; pub use y::Y;"),
        ("src/elsewhere/x.rs", "pub struct Y(crate::b::B);"),
        ("src/b.rs", "pub struct B;"),
    ];
    let said = ["src/b.rs uses src/elsewhere/x.rs: Y"];
    one_fault(circles, &clean, "src/b.rs", "pub struct B; fn f(_: crate::a::Y) {}", &said);
}

#[test]
fn a_circle_of_folders_alone() {
    // No two files: a/x/one -> a/y/two, a/y/three -> a/x/four.
    let clean = [
        ("src/lib.rs", "mod a;"),
        ("src/a/mod.rs", "mod x; mod y;"),
        ("src/a/x/mod.rs", "pub mod one; pub mod four;"),
        ("src/a/x/one.rs", "use crate::a::y::two::Two; pub struct One(Two);"),
        ("src/a/x/four.rs", "pub struct Four;"),
        ("src/a/y/mod.rs", "pub mod two; pub mod three;"),
        ("src/a/y/two.rs", "pub struct Two;"),
        ("src/a/y/three.rs", "pub struct Three;"),
    ];
    let said = ["circle of x, y in src/a/", "src/a/y/three.rs uses src/a/x/four.rs: Four"];
    let three = "use super::super::x::four::Four; pub struct Three(Four);";
    one_fault(circles, &clean, "src/a/y/three.rs", three, &said);
}

#[test]
fn a_file_that_no_mod_leads_to() {
    let clean = [("src/lib.rs", "mod a; mod b;"), ("src/a.rs", ""), ("src/b.rs", "")];
    one_fault(circles, &clean, "src/lib.rs", "mod a;", &["src/b.rs: no `mod` leads here"]);
    one_fault(
        circles,
        &clean,
        "src/lib.rs",
        "mod a; mod b; mod c;",
        &["src/lib.rs:1: no file for `mod c`"],
    );
}
