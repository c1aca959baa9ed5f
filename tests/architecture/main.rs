//! Runs without a GPU. Holds the source to the rules that a reader relies on: which file may use which, where wgpu and
//! `unsafe` may stand, the size of the files, that what is public has an example, who owns a shader and what its header says,
//! what the dependencies ask of the compiler. What decides which file uses which is tested itself, on small trees with a
//! planted fault (`planted/`).

mod circles;
mod covered;
mod examples;
mod layers;
mod manifest;
mod modules;
mod planted;
mod reader;
mod rules;
mod shaders;
mod source;
mod uses;

/// Prints what was checked, so that a check that found nothing to check is seen.
fn report(checked: &str, problems: &[String]) {
    println!("checked: {checked}");
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
