//! Names as people write them: in any case, with or without hyphens, and now and then with a letter too few.

/// A name without its case, hyphens, underscores and spaces: what two spellings of one name have in common.
pub(crate) fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '-' | '_' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

/// `; did you mean NAME?` with the known name that is nearest to what was written, or nothing where none is near.
pub(crate) fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let word = folded(written);
    let most = (word.chars().count() / 3).max(1);
    let near = known.into_iter().map(|name| (edits(&word, &folded(name)), name));
    match near.filter(|&(edits, _)| edits <= most).min_by_key(|&(edits, _)| edits) {
        Some((_, name)) => format!("; did you mean {name}?"),
        None => String::new(),
    }
}

/// Levenshtein's distance: letters that are left out, put in or replaced; a word that was broken off counts as one.
fn edits(a: &str, b: &str) -> usize {
    if a.len() > 2 && b.starts_with(a) {
        return usize::from(a != b);
    }
    let letters: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=letters.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in letters.iter().enumerate() {
            let replaced = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[letters.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, count) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("manhatan", "manhattan", 1),
            ("cosin", "cosine", 1),
            ("euc", "euclidean", 1),
            ("l2", "l2sq", 2),
            ("abc", "abc", 0),
        ] {
            assert_eq!(edits(a, b), count, "{a} {b}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["l2", "cosine", "inner-product"];
        assert_eq!(suggestion("Cosime", known), "; did you mean cosine?");
        assert_eq!(suggestion("inner_produkt", known), "; did you mean inner-product?");
        assert_eq!(suggestion("l3", known), "; did you mean l2?");
        for far in ["", "x", "hamming", "länge"] {
            assert_eq!(suggestion(far, known), "", "{far}");
        }
    }
}
