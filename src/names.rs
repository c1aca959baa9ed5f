//! Names as people write them: in any case, with or without hyphens, and now and then with a letter too few.

/// A name without its case, hyphens, underscores and spaces: what two spellings of one name have in common.
pub(crate) fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '-' | '_' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

/// `; did you mean NAME?` with the known name that is nearest to what was written, or nothing where none is near.
pub(crate) fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, known).map_or(String::new(), |name| format!("; did you mean {name}?"))
}

/// The known name that is nearest to what was written, if one is near.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = folded(written);
    let most = (word.chars().count() / 3).max(1);
    let near = known.into_iter().map(|name| (edits(&word, &folded(name)), name));
    let near = near.filter(|&(edits, _)| edits <= most).min_by_key(|&(edits, _)| edits);
    near.map(|(_, name)| name)
}

/// Letters that are left out, put in or replaced, and neighbours that are swapped; a word that was broken off counts as one.
fn edits(a: &str, b: &str) -> usize {
    if a.len() > 2 && b.starts_with(a) {
        return usize::from(a != b);
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut of = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                of[i][j] = i + j;
                continue;
            }
            let replaced = of[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            of[i][j] = replaced.min(of[i - 1][j] + 1).min(of[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                of[i][j] = of[i][j].min(of[i - 2][j - 2] + 1);
            }
        }
    }
    of[a.len()][b.len()]
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
            ("mb", "bm", 1),
            ("flaot", "float", 1),
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
