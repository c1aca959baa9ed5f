//! Whether clang takes a translation for C++ with Metal's names, types and argument counts.

use crate::compile::{INCLUDE, without_twins};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Texts that are read together: the header is read once for them.
const BATCH: usize = 100;

const FLAGS: &str = "-x c++ -std=c++17 -fsyntax-only -nostdinc++ -fdeclspec -w -Xclang -cl-single-precision-constant";

/// Type-checks texts of MSL, by their names, without running them. Their files are left in the folder.
///
/// # Errors
/// What clang says of the first batch that is wrong, or a file cannot be written.
pub fn type_check(clang: &str, folder: &Path, texts: &[(String, String)]) -> Result<(), String> {
    let write = |file: &Path, text: &str| {
        fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
    };
    for (number, batch) in texts.chunks(BATCH).enumerate() {
        let mut unit = String::from("#include <metal_stdlib>\n#include <simd/simd.h>\n");
        for (at, (name, text)) in batch.iter().enumerate() {
            let file = folder.join(format!("{name}.metal"));
            write(&file, &without_twins(text))?;
            let _ = writeln!(unit, "namespace kernel_{at} {{\n#include \"{}\"\n}}", file.display());
        }
        let file = folder.join(format!("batch_{number}.cpp"));
        write(&file, &unit)?;
        let mut command = Command::new(clang);
        command.args(FLAGS.split_whitespace()).args(["-I", INCLUDE]).arg(&file);
        let output = command.output().map_err(|e| format!("{clang}: {e}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    Ok(())
}
