//! What the checks say of small trees: each has one fault, which must be reported, and a twin without it, of which nothing may
//! be reported.

mod circles;
mod layers;
mod shaders;

type Files<'a> = &'a [(&'a str, &'a str)];

/// `files` with the text of one of them replaced.
fn with<'a>(files: Files<'a>, path: &str, text: &'a str) -> Vec<(&'a str, &'a str)> {
    files.iter().map(|&(p, t)| (p, if p == path { text } else { t })).collect()
}

/// The clean tree has nothing to report. With `text` in the place of `path` there is one problem, which holds each of `said`.
fn one_fault(check: fn(Files) -> Vec<String>, clean: Files, path: &str, text: &str, said: &[&str]) {
    assert_eq!(check(clean), [""; 0], "the clean tree");
    let planted = with(clean, path, text);
    assert_ne!(planted, clean, "nothing was planted in {path}");
    let problems = check(&planted);
    let [problem] = &problems[..] else { panic!("one problem expected: {problems:#?}") };
    for words in said {
        assert!(problem.contains(words), "`{words}` is not in: {problem}");
    }
}
