//! Sentences nearest in meaning: `cargo run --example text_search [WORD ...]`.
//!
//! Without words it takes six of the 200 sentences in data/, with words all sentences that hold one of them.

mod nearest;
// As `Gpu::new()`; a variable of the tests chooses another GPU.
#[path = "../../tests/common/open.rs"]
mod open;

use nearfield::{Gpu, Result};
use open::Open as _;

fn main() {
    if let Err(error) = run() {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let gpu = Gpu::builder().open()?;
    eprintln!("on {}", gpu.caps().name);
    let answers = nearest::nearest(&gpu, 3, |sentence| {
        (words.is_empty() && nearest::SENTENCES.contains(&sentence))
            || words.iter().any(|word| sentence.contains(word.as_str()))
    })?;
    for answer in &answers {
        println!("{}", answer.sentence);
        for (gloss, similarity) in &answer.glosses {
            println!("  {similarity:.3}  {gloss}");
        }
    }
    if answers.is_empty() {
        println!("none of the 200 sentences holds {}", words.join(" or "));
    }
    Ok(())
}
