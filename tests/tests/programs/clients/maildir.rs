//! Maildirs as mail programs leave them.

use std::path::{Path, PathBuf};

use libtest_mimic::Failed;

use super::support::Mail;

/// The messages below a maildir tree as bytes with CRLF, by folder; what sync programs add to the header is taken out.
pub fn read(root: &Path) -> Result<Mail, Failed> {
    let mut out = Mail::new();
    let mut queue = vec![root.to_owned()];
    while let Some(directory) = queue.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match name {
                "cur" | "new" => {
                    let folder = directory.strip_prefix(root)?.to_string_lossy().into_owned();
                    let messages = out.entry(folder).or_default();
                    for file in std::fs::read_dir(&path)? {
                        messages.push(without_marks(&std::fs::read(file?.path())?));
                    }
                }
                "tmp" => {}
                _ => queue.push(path),
            }
        }
    }
    out.values_mut().for_each(|messages| messages.sort());
    Ok(out)
}

fn without_marks(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 40);
    let mut in_header = true;
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        in_header &= line != b"\n" && line != b"\r\n";
        if in_header && (line.starts_with(b"X-TUID: ") || line.starts_with(b"X-OfflineIMAP: ")) {
            continue;
        }
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// Every file and directory below `root`.
pub fn listing(root: &Path) -> Result<Vec<PathBuf>, Failed> {
    let (mut out, mut queue) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = queue.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                queue.push(path.clone());
            }
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}
