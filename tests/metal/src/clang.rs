//! The compiler.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

/// A clang++ that knows `_Float16`: `NEARFIELD_CLANG`, or the first that is on the path.
pub fn clang() -> Option<String> {
    static FOUND: LazyLock<Option<String>> = LazyLock::new(|| {
        let named = std::env::var("NEARFIELD_CLANG").ok();
        let numbered = (15..=22).rev().map(|version| format!("clang++-{version}"));
        named
            .into_iter()
            .chain(["clang++".to_owned()])
            .chain(numbered)
            .find(|name| knows_half(name))
    });
    FOUND.clone()
}

fn knows_half(clang: &str) -> bool {
    compiles(clang, "", "_Float16 half;")
}

/// Whether it knows these flags.
pub(crate) fn accepts(clang: &str, flags: &str) -> bool {
    static KNOWN: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.entry(format!("{clang} {flags}")).or_insert_with(|| compiles(clang, flags, ""))
}

fn compiles(clang: &str, flags: &str, text: &str) -> bool {
    let mut command = Command::new(clang);
    command.args(flags.split_whitespace()).args(["-x", "c++", "-fsyntax-only", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return false };
    let written =
        child.stdin.take().is_some_and(|mut input| input.write_all(text.as_bytes()).is_ok());
    child.wait().is_ok_and(|status| status.success()) && written
}
