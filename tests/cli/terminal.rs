//! What stands on a terminal, and nowhere else.
#![cfg(unix)]

use crate::support::{command, with_set};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Runs the program with a terminal for stderr, and one for stdout, too, where `both`; what stands there, and what stdout
/// is otherwise.
fn on_terminal(folder: &Path, line: &str, both: bool) -> (String, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    let theirs = File::options().read(true).write(true).open(name).unwrap();
    let mut command = command(folder, &line.split_whitespace().collect::<Vec<_>>());
    command.env("TERM", "xterm").env("RUST_LOG", "error").stderr(theirs.try_clone().unwrap());
    let printed = folder.join("printed");
    match both {
        true => command.stdout(theirs.try_clone().unwrap()),
        false => command.stdout(File::create(&printed).unwrap()),
    };
    let mut child = command.spawn().unwrap();
    // What holds the other end holds the terminal open.
    drop((command, theirs));
    let (mut ours, mut shown) = (File::from(ours), Vec::new());
    let mut block = [0; 4096];
    // It ends with an error once nobody has the other end.
    while let Ok(count @ 1..) = ours.read(&mut block) {
        shown.extend_from_slice(&block[..count]);
    }
    assert!(child.wait().unwrap().success(), "{}", String::from_utf8_lossy(&shown));
    let shown = String::from_utf8(shown).unwrap().replace("\r\n", "\n");
    (shown, std::fs::read_to_string(printed).unwrap_or_default())
}

#[test]
fn a_terminal_is_told_what_runs_and_what_it_cost() {
    let folder = with_set("plain");
    let folder = folder.path();
    let search = "search --base base.npy --query query.npy -k 3";
    for (line, hits) in [
        (search, 18),
        (&format!("{search} --out r"), 18),
        (&format!("{search} --out r --json"), 18),
        ("range --base base.npy --query query.npy --radius inf", 720),
        ("range --base base.npy --query query.npy --radius 0", 0),
    ] {
        let (shown, printed) = on_terminal(folder, line, false);
        let said: Vec<_> = shown.lines().collect();
        assert_eq!(said.len(), 2, "{line}: {shown}");
        assert!(said[0].contains("): 6 queries x 120 rows of 19 f32, l2"), "{shown}");
        // on a busy machine a bar comes and goes before it
        let cost = said[1].rsplit("[2K").next().unwrap();
        assert!(cost.starts_with(&format!("6 queries x 120 rows, {hits} hits in ")), "{shown}");
        assert!(said[1].contains(" queries/s, ") && said[1].contains("device memory"), "{shown}");
        let lines = if line.contains("--out") { 1 } else { hits };
        assert_eq!(printed.lines().count(), lines, "{line}: {printed}");
        let (shown, quiet) = on_terminal(folder, &format!("{line} --quiet"), false);
        assert_eq!(shown, "", "{line}");
        assert_eq!(quiet.lines().count(), if line.ends_with("--out r") { 0 } else { lines });
    }
}

#[test]
fn hits_on_the_same_terminal_are_lines_of_their_own() {
    let folder = with_set("plain");
    let (shown, _) =
        on_terminal(folder.path(), "search --base base.npy --query query.npy -k 3", true);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 20, "{shown}");
    assert!(lines[1..19].iter().all(|line| line.split('\t').count() == 4), "{shown}");
}
