//! `nearfield devices`.

use crate::args::{DevicesArgs, Global};
use crate::shell::failure::Result;
use crate::shell::{device, print};
use nearfield::{AdapterSummary, Caps, Gpu};
use serde_json::{Value, json};
use std::fmt::{self, Write};

pub fn run(args: &DevicesArgs, global: &Global) -> Result<()> {
    let adapters = Gpu::adapters()?;
    let gpu = device::open(global)?;
    let chosen = chosen(&adapters, gpu.caps(), global);
    if args.json {
        return print::to_stdout(format_args!("{}", as_json(&adapters, chosen, &gpu)));
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = as_text(&mut text, &adapters, chosen, &gpu);
    print::to_stdout(format_args!("{}", text.trim_end()))
}

/// The place of the adapter that was opened. Of two equal cards whose driver does not tell where they are, the place that was
/// asked for says which it is.
fn chosen(adapters: &[AdapterSummary], caps: &Caps, global: &Global) -> Option<usize> {
    let same = |a: &&AdapterSummary| {
        let card = |a: &AdapterSummary| a.pci == caps.pci && a.name == caps.name;
        card(a) && a.backend == caps.backend && a.driver == caps.driver
    };
    let asked = global.adapter.clone().or_else(|| std::env::var("NEARFIELD_ADAPTER").ok());
    let asked = asked.and_then(|text| adapters.get(text.parse::<usize>().ok()?));
    asked.filter(same).or_else(|| adapters.iter().find(same)).map(|a| a.index)
}

fn as_text(
    out: &mut String,
    adapters: &[AdapterSummary],
    chosen: Option<usize>,
    gpu: &Gpu,
) -> fmt::Result {
    for adapter in adapters {
        let mark = if chosen == Some(adapter.index) { '*' } else { ' ' };
        writeln!(out, "{mark} {adapter}")?;
    }
    let (caps, profile, memory) = (gpu.caps(), gpu.profile(), gpu.memory());
    let mut line = |name: &str, value: fmt::Arguments<'_>| writeln!(out, "  {name:<18}{value}");
    match caps.subgroup_size {
        Some(size) => line("subgroups", format_args!("{size} threads, measured"))?,
        None => line("subgroups", format_args!("not used"))?,
    }
    line("announced", format_args!("{} to {} threads", caps.subgroup_min, caps.subgroup_max))?;
    line("f16 in shaders", format_args!("{}", yes_or_no(caps.f16)))?;
    let shapes: Vec<_> = caps.coop.iter().map(ToString::to_string).collect();
    let shapes = if shapes.is_empty() { "none".into() } else { shapes.join(", ") };
    line("matrix units", format_args!("{shapes}"))?;
    line("timestamps", format_args!("{}", yes_or_no(caps.timestamps)))?;
    line("pipeline cache", format_args!("{}", yes_or_no(caps.pipeline_cache)))?;
    let (threads, bytes) = (caps.max_workgroup_threads, caps.max_workgroup_memory);
    line("workgroup", format_args!("{threads} threads, {} KiB", bytes / 1024))?;
    line("storage buffers", format_args!("{} a kernel", caps.max_storage_buffers))?;
    line("largest binding", format_args!("{}", Mib(caps.max_binding_bytes)))?;
    line("largest buffer", format_args!("{}", Mib(caps.max_buffer_bytes)))?;
    match caps.heap_bytes {
        Some(bytes) => line("memory", format_args!("{}", Mib(bytes)))?,
        None => line("memory", format_args!("unknown"))?,
    }
    line("budget", format_args!("{}", Mib(memory.budget)))?;
    let measured = if profile.is_measured() { "measured" } else { "not measured on such a GPU" };
    line("profile", format_args!("{}, {measured}", profile.name()))
}

struct Mib(u64);

impl fmt::Display for Mib {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0 >> 20)
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn as_json(adapters: &[AdapterSummary], chosen: Option<usize>, gpu: &Gpu) -> Value {
    let adapter = |adapter: &AdapterSummary| {
        let mut object = json!(adapter);
        object["chosen"] = json!(chosen == Some(adapter.index));
        object
    };
    json!({
        "command": "devices",
        "adapters": adapters.iter().map(adapter).collect::<Vec<_>>(),
        "caps": gpu.caps(),
        "profile": gpu.profile(),
        "memory": gpu.memory(),
    })
}
