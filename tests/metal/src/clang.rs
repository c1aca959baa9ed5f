//! The compiler.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

/// A clang++ that knows `_Float16`: the one that `NEARFIELD_CLANG` names, or else the first that is on the path.
///
/// # Errors
/// There is none, in words.
pub fn clang() -> Result<String, String> {
    static FOUND: LazyLock<Result<String, String>> = LazyLock::new(|| {
        if let Some(named) = crate::options::value("NEARFIELD_CLANG")? {
            let wrong =
                format!("NEARFIELD_CLANG is {named:?}, not a clang++ of version 15 or newer");
            return knows_half(&named).then_some(named).ok_or(wrong);
        }
        let numbered = (15..=22).rev().map(|version| format!("clang++-{version}"));
        let mut names = ["clang++".to_owned()].into_iter().chain(numbered);
        names.find(|name| knows_half(name)).ok_or("no clang++ of version 15 or newer".to_owned())
    });
    FOUND.clone()
}

/// GCC has the type as well.
fn knows_half(clang: &str) -> bool {
    compiles(clang, "", "#ifndef __clang__\n#error\n#endif\n_Float16 half;")
}

/// What it says of itself, which changes when another takes its name.
pub(crate) fn version(clang: &str) -> String {
    static KNOWN: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let ask = || {
        let output = Command::new(clang).arg("--version").output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    known.entry(clang.to_owned()).or_insert_with(|| ask().unwrap_or_default()).clone()
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
