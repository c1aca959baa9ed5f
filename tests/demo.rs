//! The demonstration and the README's example do what their texts say.

#[path = "../examples/text_search/nearest.rs"]
mod nearest;
#[path = "common/open.rs"]
mod open;

use nearest::{SENTENCES, nearest};
use nearfield::Gpu;
use open::Open as _;
use std::path::Path;

/// The first two words of the glosses nearest to each sentence, with their similarity in f64.
const EXPECTED: [[(&str, f64); 3]; 6] = [
    [("efforts to", 0.712023), ("an obsolete", 0.428936), ("ammunition consisting", 0.406989)],
    [("bread made", 0.725105), ("hardy annual", 0.637830), ("of or", 0.596586)],
    [("a shelf", 0.731116), ("storage space", 0.598580), ("a shop", 0.568179)],
    [("a statement", 0.729291), ("an agreeable", 0.633711), ("a witty", 0.537182)],
    [("in some", 0.777205), ("ants", 0.773295), ("plant that", 0.648616)],
    [("associated with", 0.728837), ("growth to", 0.458263), ("increase or", 0.443669)],
];

#[test]
fn the_glosses_nearest_in_meaning_are_found() {
    let gpu = Gpu::builder().open().unwrap();
    let answers = nearest(&gpu, 3, |sentence| SENTENCES.contains(&sentence)).unwrap();
    let readme = text("examples/text_search/README.md");
    let mut shown = Vec::new();
    for sentence in SENTENCES {
        let answer = answers.iter().find(|a| a.sentence == sentence).unwrap();
        shown.push(answer);
    }
    for (answer, expected) in shown.iter().zip(EXPECTED) {
        assert_eq!(answer.glosses.len(), expected.len());
        for ((gloss, similarity), (start, value)) in answer.glosses.iter().zip(expected) {
            assert!(gloss.starts_with(start), "{}: {gloss}", answer.sentence);
            assert!((f64::from(*similarity) - value).abs() < 5e-6, "{gloss}: {similarity}");
        }
    }
    // The README shows what the program prints.
    for answer in &answers {
        assert!(readme.contains(&answer.sentence), "{}", answer.sentence);
        for (gloss, similarity) in &answer.glosses {
            let line = format!("  {similarity:.3}  {gloss}\n");
            assert!(readme.contains(&line), "{line}");
        }
    }
}

/// Those lines run as a doc test, too.
#[test]
fn the_quickstart_stands_in_the_readme() {
    let code = text("examples/quickstart.rs");
    let code = code.split_once("\n\n").unwrap().1;
    assert!(text("README.md").contains(code), "the README has other lines than the example");
}

fn text(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}
