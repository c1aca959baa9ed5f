//! The search of the demonstration, apart from its printing: tests/demo.rs asserts what it finds.

use nearfield::format::{self, RowSource};
use nearfield::{Error, Flat, Gpu, Index, Metric, Result, Search};
use std::path::{Path, PathBuf};

/// The sentences that the demonstration shows.
pub const SENTENCES: [&str; 6] = [
    "laws limit the sale of handguns",
    "wheat is the stuff they use to make bread",
    "the books are lying on the shelf",
    "an ironic remark often conveys an intended meaning obliquely",
    "ants are social insects",
    "inflation is growing exponentially",
];

/// A sentence, and the glosses nearest to it in meaning with their cosine similarity.
pub struct Answer {
    pub sentence: String,
    pub glosses: Vec<(String, f32)>,
}

/// Searches 10,000 glosses of WordNet for the `k` nearest to each of the sample's sentences that is `wanted`.
pub fn nearest(gpu: &Gpu, k: usize, wanted: impl Fn(&str) -> bool) -> Result<Vec<Answer>> {
    // The rows stay bytes on the device, a quarter of their size as f32.
    let mut base = format::open(file("base.i8.npy"), None)?;
    let index = Flat::with_dtype(gpu, base.dim(), Metric::Cosine, base.dtype())?;
    index.add_from(&mut base)?;
    let glosses = lines("base.txt")?;

    // The queries are f32: line i of the text is row i of the vectors.
    let mut vectors = format::open(file("query.f32.npy"), None)?;
    let (mut sentences, mut queries) = (Vec::new(), Vec::new());
    for (row, sentence) in (0..).zip(lines("query.txt")?) {
        if wanted(&sentence) {
            queries.extend(vectors.rows(row..row + 1)?.to_f32());
            sentences.push(sentence);
        }
    }

    let hits = index.search(&queries, k)?;
    let gloss = |(id, similarity): (u64, f32)| (glosses[id as usize].clone(), similarity);
    let answers = sentences.into_iter().enumerate().map(|(i, sentence)| {
        let glosses = hits.row(i).map(gloss).collect();
        Answer { sentence, glosses }
    });
    Ok(answers.collect())
}

fn lines(name: &str) -> Result<Vec<String>> {
    let file = file(name);
    let text = std::fs::read_to_string(&file).map_err(|e| Error::io(&file, e))?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/text_search/data");
    folder.join(format!("wordnet-10k.{name}"))
}
