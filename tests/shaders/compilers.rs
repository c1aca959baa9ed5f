//! The compilers that look at the translations, where they are installed: clang for MSL, DXC for HLSL.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::translate::Translated;

/// A fresh folder for the files of one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shaders").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder is writable");
    folder
}

/// A clang++ that knows `_Float16`: `NEARFIELD_CLANG`, or the first that is on the path.
pub fn clang() -> Option<String> {
    static FOUND: LazyLock<Option<String>> = LazyLock::new(find_clang);
    FOUND.clone()
}

fn find_clang() -> Option<String> {
    let named = std::env::var("NEARFIELD_CLANG").ok();
    let numbered = (15..=22).rev().map(|version| format!("clang++-{version}"));
    let candidates = named.into_iter().chain(["clang++".to_owned()]).chain(numbered);
    let probe = folder("probe").join("probe.cpp");
    fs::write(&probe, "_Float16 half;").expect("the target folder is writable");
    candidates.into_iter().find(|clang| {
        let tried = Command::new(clang).arg("-fsyntax-only").arg(&probe).output();
        tried.is_ok_and(|output| output.status.success())
    })
}

/// naga writes some helpers once for each address space; without address spaces they are the same twice.
fn without_twins(text: &str) -> String {
    let (mut seen, mut kept, mut block) = (BTreeSet::new(), String::new(), String::new());
    let starts = |line: &str| {
        line.starts_with("template <typename A>") || line.contains(" NagaCooperativeLoad(const ")
    };
    let mut close = |block: &mut String| {
        if seen.insert(block.replace("threadgroup ", "").replace("device ", "")) {
            kept.push_str(block);
        }
        block.clear();
    };
    for line in text.lines() {
        if starts(line) {
            close(&mut block);
        }
        block.push_str(line);
        block.push('\n');
        if line == "}" {
            close(&mut block);
        }
    }
    close(&mut block);
    kept
}

/// Metal's literals are `float` where C++ has `double`.
const CLANG_FLAGS: &str = "-x c++ -std=c++17 -fsyntax-only -nostdinc++ -fdeclspec -w \
                           -Xclang -cl-single-precision-constant";

/// Type-checks each text against `tests/msl`, many in one run of clang, each in a namespace of its own.
pub fn check_msl(clang: &str, folder: &Path, texts: &[(String, Translated)]) -> Result<(), String> {
    for (number, batch) in texts.chunks(100).enumerate() {
        let mut unit = String::from("#include <metal_stdlib>\n#include <simd/simd.h>\n");
        for (at, (name, translated)) in batch.iter().enumerate() {
            let file = folder.join(format!("{name}.metal"));
            fs::write(&file, without_twins(&translated.text))
                .expect("the target folder is writable");
            let _ = writeln!(unit, "namespace kernel_{at} {{\n#include \"{}\"\n}}", file.display());
        }
        let unit_file = folder.join(format!("batch_{number}.cpp"));
        fs::write(&unit_file, unit).expect("the target folder is writable");
        let shim = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/msl");
        let output = Command::new(clang)
            .args(CLANG_FLAGS.split_whitespace())
            .args(["-I", shim])
            .arg(&unit_file)
            .output()
            .map_err(|e| format!("{clang}: {e}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    Ok(())
}

/// The command in `NEARFIELD_DXC`: it takes ENTRY:FILE arguments and fails when one does not compile.
pub fn dxc() -> Option<String> {
    std::env::var("NEARFIELD_DXC").ok()
}

pub fn compile_hlsl(
    dxc: &str,
    folder: &Path,
    texts: &[(String, Translated)],
) -> Result<(), String> {
    for batch in texts.chunks(200) {
        let mut command = Command::new(dxc);
        for (name, translated) in batch {
            let file = folder.join(format!("{name}.hlsl"));
            fs::write(&file, &translated.text).expect("the target folder is writable");
            command.arg(format!("{}:{}", translated.entry, file.display()));
        }
        let output = command.output().map_err(|e| format!("{dxc}: {e}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stdout).into_owned());
        }
    }
    Ok(())
}
