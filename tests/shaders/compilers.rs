//! The compiler that looks at HLSL, where it is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::translate::Translated;

/// A fresh folder for the files of one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shaders").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder is writable");
    folder
}

pub fn compile_hlsl(
    dxc: &str,
    folder: &Path,
    texts: &[(String, Translated)],
) -> Result<(), String> {
    for batch in texts.chunks(200) {
        let mut command = Command::new(dxc);
        for (name, translated) in batch {
            let file = folder.join(format!("{name}.hlsl"));
            fs::write(&file, &translated.text).expect("the target folder is writable");
            command.arg(format!("{}:{}", translated.entry, file.display()));
        }
        let output = command.output().map_err(|e| format!("{dxc}: {e}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stdout).into_owned());
        }
    }
    Ok(())
}
