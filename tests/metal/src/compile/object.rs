//! Shared objects, kept by what they are made of.

use super::unit::Unit;
use crate::options::Options;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Our header: what Metal's standard library has, and the runtime's side of it.
pub const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include");

/// Metal's literals are `float` where C++ has `double`; the sanitizer's calls are the header's own, and tell it of every
/// access to memory but for those wider than 16 bytes, which no vector of the compiler's own making must bring about; lines are kept for
/// messages; a large frame is touched page by page, so that none reaches beyond the guard of its stack.
const FLAGS: &str = "-std=c++17 -nostdinc++ -fdeclspec -w -fPIC -fno-exceptions -fno-rtti -fvisibility=hidden \
    -fno-vectorize -mprefer-vector-width=128 -fno-math-errno -fwrapv -fno-strict-aliasing -gline-tables-only -Xclang -cl-single-precision-constant \
    -fstack-clash-protection -fsanitize=thread -mllvm -tsan-instrument-atomics=0 -mllvm -tsan-instrument-func-entry-exit=0";

/// As written, in the order written. Compiling a kernel takes far longer here than running it, so little is optimised, and instructions
/// are chosen the fast way.
const STRICT: &str = "-O1 -ffp-contract=off -mllvm -fast-isel";

/// What Metal's default allows its compiler, which is to make use of it. One Newton step after the processor's estimate is about as exact
/// as Metal's own division and root.
const FAST: &str = "-O2 -ffast-math -mrecip=all:1";

/// Half results are rounded after each operation; compilers that lack the option do so anyway.
const HALF: &str = "-Xclang -ffloat16-excess-precision=none";

/// The linker is called without clang, which would be started twice more for it and have it read all of C++'s library. What a kernel
/// calls of C's is the program's own. So the sanitizer's library stays out, whose calls the header has, and start files, of which that
/// of `-ffast-math` would have the thread that loads the object flush subnormals from then on.
const LINK: &str = "-shared";

pub struct Files {
    pub source: PathBuf,
    pub object: PathBuf,
}

/// The object of a unit, compiled unless it was before.
pub fn build(unit: &Unit, options: &Options) -> Result<Files, String> {
    let flags = flags(options);
    let header = prelude(&flags, options)?;
    let key = format!("{} {LINK}\n{}{}", key(&flags, options), unit.metal, unit.call);
    let stem = options.cache.join(format!("{:016x}", hash(&key)));
    let file = |extension: &str| stem.with_extension(extension);
    let files = Files { source: file("metal"), object: file("so") };
    if is_kept(&files.object, &key) {
        return Ok(files);
    }
    write(&files.source, &unit.metal)?;
    let text = format!(
        "#line 1 \"{}\"\n{}\n#line 1 \"call\"\n{}",
        files.source.display(),
        unit.metal,
        unit.call
    );
    write(&file("cpp"), &text)?;
    let object = scratch(&files.object);
    let compiled = object.with_extension("o");
    let mut command = Command::new(&options.clang);
    command.args(flags.split_whitespace()).arg("-include-pch").arg(&header);
    command.args(["-c", "-I", INCLUDE, "-o"]).arg(&compiled).arg(file("cpp"));
    finish(&mut command)?;
    let mut command = Command::new("ld");
    command.args(LINK.split_whitespace()).arg("-o").arg(&object).arg(&compiled);
    finish(&mut command)?;
    fs::remove_file(&compiled).map_err(|e| format!("{}: {e}", compiled.display()))?;
    keep(&object, &files.object, &key)?;
    Ok(files)
}

/// Finds out whether kernels can be compiled with these options.
pub fn prepare(options: &Options) -> Result<(), String> {
    prelude(&flags(options), options).map(drop)
}

fn flags(options: &Options) -> String {
    let arithmetic = if options.fast_math { FAST } else { STRICT };
    let half = if crate::clang::accepts(&options.clang, HALF) { HALF } else { "" };
    format!("{FLAGS} {arithmetic} {half} {} -DNEARFIELD_LANES={}", processor(), options.lanes)
}

/// Without a fused multiply-add of the processor's, `fma` is a call that takes a hundred times as long.
fn processor() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("fma")
        && std::arch::is_x86_feature_detected!("f16c")
    {
        return "-mavx2 -mfma -mf16c";
    }
    ""
}

/// The header, compiled once for these flags: reading it takes longer than most kernels do.
fn prelude(flags: &str, options: &Options) -> Result<PathBuf, String> {
    static MADE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    // clang takes it for the files that it read alone, at their place and of their time.
    let key = format!("{}\n{INCLUDE}", key(flags, options));
    let file = options.cache.join(format!("{:016x}.pch", hash(&key)));
    if made.contains(&file) {
        return Ok(file);
    }
    let modified = |file: PathBuf| fs::metadata(file).and_then(|about| about.modified()).ok();
    let times: Vec<_> = include_files().into_iter().map(modified).collect();
    let key = format!("{key}\n{times:?}");
    if !is_kept(&file, &key) {
        fs::create_dir_all(&options.cache)
            .map_err(|e| format!("{}: {e}", options.cache.display()))?;
        let mut command = Command::new(&options.clang);
        let scratch = scratch(&file);
        command
            .args(flags.split_whitespace())
            .args(["-x", "c++-header", "-I", INCLUDE, "-o"])
            .arg(&scratch);
        command.arg(Path::new(INCLUDE).join("prelude.h"));
        finish(&mut command)?;
        keep(&scratch, &file, &key)?;
    }
    made.push(file.clone());
    Ok(file)
}

fn finish(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let program = command.get_program().to_string_lossy();
            let words = String::from_utf8_lossy(&output.stderr);
            Err(format!("{program}, {}: {words}", output.status))
        }
    }
}

/// What all that is compiled so has in common.
fn key(flags: &str, options: &Options) -> String {
    let version = crate::clang::version(&options.clang);
    format!("{}\n{version}{flags}\n{}", options.clang, *INCLUDE_HASH)
}

/// What lies beside a file that is whole: what it was made of, and its own hash.
fn seal(file: &Path, key: &str) -> std::io::Result<String> {
    Ok(format!("{key}\n{:016x}\n", hash(&fs::read(file)?)))
}

fn is_kept(file: &Path, key: &str) -> bool {
    let kept = fs::read_to_string(file.with_extension("key"));
    matches!((kept, seal(file, key)), (Ok(kept), Ok(seal)) if kept == seal)
}

/// What is complete takes the file's name.
fn keep(complete: &Path, file: &Path, key: &str) -> Result<(), String> {
    let failed = |e| format!("{}: {e}", file.display());
    let seal = seal(complete, key).map_err(failed)?;
    fs::rename(complete, file).map_err(failed)?;
    write(&file.with_extension("key"), &seal)
}

/// Of the header's files.
static INCLUDE_HASH: LazyLock<u64> = LazyLock::new(|| {
    let files = include_files();
    hash(&files.iter().map(|file| fs::read(file).unwrap_or_default()).collect::<Vec<_>>())
});

fn include_files() -> Vec<PathBuf> {
    let folders = [INCLUDE.to_owned(), format!("{INCLUDE}/simd")].map(fs::read_dir);
    let entries = folders.into_iter().flatten().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// A name beside the file that no other thread or process has: what is complete takes the file's name.
fn scratch(file: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    file.with_extension(format!("{}.{number}.new", std::process::id()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    let scratch = scratch(file);
    let written = fs::write(&scratch, text).and_then(|()| fs::rename(&scratch, file));
    written.map_err(|e| format!("{}: {e}", file.display()))
}
