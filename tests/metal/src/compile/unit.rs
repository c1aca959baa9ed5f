//! The C++ around a kernel's MSL: a function without parameters that calls the entry point for the thread that runs.

use super::translate::Translated;
use std::collections::BTreeSet;
use std::fmt::Write as _;

pub struct Unit {
    /// The MSL as it is compiled.
    pub metal: String,
    /// What follows it.
    pub call: String,
}

/// What the parameters of an entry point are given. The macros that stand for Metal's address spaces are names here.
const SUPPLY: &str = "
#undef kernel
#undef device
#undef thread
#undef threadgroup
#undef constant
#define NEARFIELD_PLAIN __attribute__((no_sanitize(\"thread\")))
namespace supply {
template <int slot> struct Buffer {
  template <class T> NEARFIELD_PLAIN operator T&() const { return *static_cast<T*>(runtime::state->buffers[slot]); }
};
template <int index> struct Shared {
  template <class T> NEARFIELD_PLAIN operator T&() const { return *static_cast<T*>(runtime::state->shared[index]); }
};
NEARFIELD_PLAIN inline metal::uint3 triple(const runtime::u32* of) { return metal::uint3(of[0], of[1], of[2]); }
}
#define NEARFIELD_EXPORT extern \"C\" __attribute__((visibility(\"default\"), no_sanitize(\"thread\")))
NEARFIELD_EXPORT const runtime::State** nearfield_state() { return &runtime::state; }
NEARFIELD_EXPORT void nearfield_thread() {
  const auto* at = runtime::state;
";

impl Unit {
    pub fn new(translated: &Translated) -> Result<Unit, String> {
        let metal = with_callers_lines(&without_twins(&translated.text));
        let mut call = SUPPLY.to_owned();
        let arguments = arguments(&metal, &translated.entry)?;
        let _ = writeln!(call, "  {}({});\n}}", translated.entry, arguments.join(", "));
        Ok(Unit { metal, call })
    }
}

/// What each parameter of the entry point is given, by its attribute.
fn arguments(metal: &str, entry: &str) -> Result<Vec<String>, String> {
    let head = format!(" kernel void {entry}(\n");
    let start = metal.find(&head).ok_or("the entry point is not found")? + head.len();
    let parameters = &metal[start..];
    let end = parameters.find("\n) {").ok_or("the parameters do not end")?;
    let mut shared = 0;
    let mut argument = |parameter: &str| {
        let attribute = parameter
            .split_once("[[")
            .and_then(|(_, rest)| rest.split_once("]]"))
            .map(|(name, _)| name);
        let Some(attribute) = attribute else {
            shared += 1;
            return Ok(format!("supply::Shared<{}>()", shared - 1));
        };
        if let Some(slot) = attribute.strip_prefix("buffer(") {
            return Ok(format!("supply::Buffer<{}>()", slot.trim_end_matches(')')));
        }
        let value = match attribute {
            "threadgroup_position_in_grid" => "supply::triple(at->group)",
            "threadgroups_per_grid" => "supply::triple(at->groups)",
            "thread_position_in_threadgroup" => "supply::triple(at->local)",
            "threads_per_threadgroup" => "supply::triple(at->local_size)",
            "thread_position_in_grid" => {
                "supply::triple(at->group) * supply::triple(at->local_size) + supply::triple(at->local)"
            }
            "thread_index_in_threadgroup" => "at->thread",
            "thread_index_in_simdgroup" => "at->lane",
            "simdgroup_index_in_threadgroup" => "at->simdgroup",
            "simdgroups_per_threadgroup" => "at->simdgroups",
            "threads_per_simdgroup" => "runtime::LANES",
            other => return Err(format!("a parameter with the attribute {other}")),
        };
        Ok(value.to_owned())
    };
    parameters[..end].lines().map(|line| argument(line.trim_start_matches([',', ' ']))).collect()
}

/// naga wraps what is done with matrices in functions of its own: a fault in them is of the line that calls them.
fn with_callers_lines(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let head = line.strip_suffix(") {").filter(|head| head.contains(" NagaCooperative"));
        lines.push(match head {
            Some(head) => {
                format!("__attribute__((always_inline, nodebug)) inline {head}, unsigned line = __builtin_LINE()) {{")
            }
            None => line
                .replace("simdgroup_load(m, ptr, stride, 0, is_row_major)", "simdgroup_load(m, ptr, stride, 0, is_row_major, line)")
                .replace("simdgroup_multiply_accumulate(d,a,b,c)", "simdgroup_multiply_accumulate(d,a,b,c,line)"),
        });
    }
    lines.join("\n")
}

/// naga writes some helpers once for each address space; without address spaces they are the same twice.
pub fn without_twins(text: &str) -> String {
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
