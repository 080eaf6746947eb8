//! The project's files as they are now: which file a path means, through all links, and what a touched one holds.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, RwLock};

/// Links to links that are followed.
const MAX_LINKS: usize = 16;
/// Longest path, in bytes.
const MAX_PATH: usize = 4096;
/// Largest file that is read.
const MAX_FILE: u64 = 64 << 20;

/// The files below a directory. What was asked once is kept.
#[derive(Debug, Default)]
pub(super) struct WorkTree {
    /// The directory, without links.
    root: PathBuf,
    /// By folder, where it leads: itself, but for links.
    folders: RwLock<HashMap<String, Led>>,
}

/// Where a path leads: each link on the way, then the path without links; `None` where nothing lies there, or outside.
type Led = Option<Arc<[String]>>;

impl WorkTree {
    pub(super) fn below(root: &Path) -> Option<Self> {
        Some(Self { root: fs::canonicalize(root).ok()?, folders: RwLock::default() })
    }

    /// The directory, without links.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The links that a path of a file leads through, and last the path without links; `None` if it names no file.
    pub(super) fn file(&self, path: &str) -> Led {
        // Longer than any file's, and than this can walk.
        if path.len() > MAX_PATH {
            return None;
        }
        self.led(path, &mut 0).filter(|way| {
            way.last().is_some_and(|path| fs::metadata(self.root.join(path)).is_ok_and(|meta| meta.is_file()))
        })
    }

    /// Where the link at a path leads; `None` if it is none.
    pub(super) fn behind(&self, path: &str) -> Option<String> {
        let is_link = fs::symlink_metadata(self.root.join(path)).is_ok_and(|meta| meta.is_symlink());
        self.led(path, &mut 0).filter(|_| is_link)?.last().cloned()
    }

    fn led(&self, path: &str, links: &mut usize) -> Led {
        let Some((folder, name)) = path.rsplit_once('/') else { return self.step(&[], "", path, links) };
        let known = self.folders.read().ok().and_then(|folders| folders.get(folder).cloned());
        let way = if let Some(way) = known {
            way
        } else {
            let first = *links == 0;
            let way = self.led(folder, links);
            // One that was reached with fewer links left might lead further.
            if first && let Ok(mut folders) = self.folders.write() {
                folders.insert(folder.to_owned(), way.clone());
            }
            way
        }?;
        let (folder, before) = way.split_last()?;
        self.step(before, folder, name, links)
    }

    /// From a folder without links to what is in it under a name, behind the links that led there.
    fn step(&self, before: &[String], folder: &str, name: &str, links: &mut usize) -> Led {
        if !matches!(Path::new(name).components().next(), Some(Component::Normal(part)) if part == name) {
            return None;
        }
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let here = self.root.join(&path);
        if !fs::symlink_metadata(&here).ok()?.is_symlink() {
            return Some(before.iter().cloned().chain([path]).collect());
        }
        *links += 1;
        if *links > MAX_LINKS {
            return None;
        }
        let target = self.within(folder, &fs::read_link(&here).ok()?)?;
        let rest = if target.is_empty() { Arc::from([target]) } else { self.led(&target, links)? };
        Some(before.iter().cloned().chain([path]).chain(rest.iter().cloned()).collect())
    }

    /// Where a link in a folder without links leads; `None` if that is outside, or `..` comes behind another link.
    fn within(&self, folder: &str, target: &Path) -> Option<String> {
        let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        let relative = if target.is_absolute() {
            parts.clear();
            target.strip_prefix(&self.root).ok()?
        } else {
            target
        };
        for part in relative.components() {
            match part {
                Component::ParentDir => {
                    // Of a link, the system takes the folder above where it leads.
                    if !fs::symlink_metadata(self.root.join(parts.join("/"))).ok()?.is_dir() {
                        return None;
                    }
                    parts.pop()?;
                }
                Component::Normal(part) => parts.push(part.to_str()?),
                Component::CurDir => {}
                Component::Prefix(_) | Component::RootDir => return None,
            }
        }
        Some(parts.join("/"))
    }

    /// The files below the folder at a path, or below the one that a link there leads to, wherever that is, by their paths
    /// in it: so many at most, and whether that is all of them. Links in it are not followed.
    pub(super) fn below_folder(&self, path: &str, most: usize) -> (Vec<String>, bool) {
        let here = self.root.join(path);
        if !fs::metadata(&here).is_ok_and(|meta| meta.is_dir()) {
            return (Vec::new(), true);
        }
        fs::canonicalize(here)
            .map_or((Vec::new(), true), |root| Self { root, folders: RwLock::default() }.files("", most))
    }

    /// Contents of the file at a path without links; `None` if that cannot be told.
    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let here = self.root.join(path);
        if !fs::symlink_metadata(&here).ok()?.is_file() {
            return None;
        }
        let mut text = Vec::new();
        fs::File::open(here).ok()?.take(MAX_FILE + 1).read_to_end(&mut text).ok()?;
        (text.len() as u64 <= MAX_FILE).then_some(text)
    }

    /// The files at or below a path, so many at most, and whether that is all of them. Links in it are not followed.
    pub(super) fn files(&self, path: &str, most: usize) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let mut left = vec![path.to_owned()];
        while let Some(path) = left.pop() {
            let here = self.root.join(&path);
            let Ok(meta) = fs::symlink_metadata(&here) else { continue };
            if meta.is_file() {
                if found.len() >= most {
                    return (found, false);
                }
                found.push(path);
                continue;
            }
            if !meta.is_dir() {
                continue;
            }
            for entry in fs::read_dir(&here).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                // Of a submodule; no scanner looks into it.
                if name != ".git" {
                    left.push(if path.is_empty() { name } else { format!("{path}/{name}") });
                }
            }
        }
        found.sort();
        (found, true)
    }
}

/// True of text in which every scanner counts the lines that git counts, and reads the letters that git shows: no zero
/// byte (as in UTF-16), no other end of line (of Unicode's), no encoding in which ASCII is written otherwise.
pub(super) fn is_plain(text: &[u8]) -> bool {
    const CONTROLS: [u8; 5] = [b'\x0b', b'\x0c', b'\x1c', b'\x1d', b'\x1e'];
    const BREAKS: [&[u8]; 3] = [b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9"];
    // One that ends a line (NEL) wherever a byte is a letter.
    let ends_by_byte = || {
        memchr::memchr(0x85, text).is_some()
            && (std::str::from_utf8(text).is_err() || !every_encoding(text, |name| name.starts_with("utf")))
    };
    let carriage = |at: usize| text.get(at + 1).is_some_and(|&next| next != b'\n');
    memchr::memchr(0, text).is_none()
        && !CONTROLS.iter().any(|&end| memchr::memchr(end, text).is_some())
        && !ends_by_byte()
        && !BREAKS.iter().any(|end| memchr::memmem::find(text, end).is_some())
        && !memchr::memchr_iter(b'\r', text).any(carriage)
        && tells_its_letters(text)
}

/// False if one of the first two lines declares an encoding that writes letters otherwise than ASCII does.
pub(in crate::relate) fn tells_its_letters(text: &[u8]) -> bool {
    /// Names of encodings that hold ASCII as it is, as far as they differ from others.
    const KNOWN: [&str; 18] = [
        "utf-8",
        "utf8",
        "ascii",
        "us-ascii",
        "latin",
        "iso-8859",
        "iso8859",
        "8859",
        "cp125",
        "windows-125",
        "cp437",
        "cp850",
        "koi8",
        "euc",
        "gb",
        "big5",
        "mac",
        "l1",
    ];
    every_encoding(text, |name| KNOWN.iter().any(|known| name.starts_with(known)))
}

/// Whether something holds of each encoding that the first two lines declare, its name in small letters with `-` for `_`
/// and what follows it.
fn every_encoding(text: &[u8], holds: impl Fn(&str) -> bool) -> bool {
    text.split(|&byte| byte == b'\n').take(2).all(|line| {
        let line = line.trim_ascii_start();
        // A comment, or the first line of XML.
        if !line.starts_with(b"#") && !line.starts_with(b"<?") {
            return true;
        }
        let line = String::from_utf8_lossy(line).to_ascii_lowercase();
        line.match_indices("coding").all(|(at, word)| {
            let rest = line.get(at + word.len()..).unwrap_or_default();
            let Some(rest) = rest.strip_prefix([':', '=']) else { return true };
            let name = rest.trim_start_matches([' ', '\t', '"', '\'']).replace('_', "-");
            let named = name.starts_with(|first: char| first.is_ascii_alphanumeric());
            !named || holds(&name)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_led_through_all_links() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for folder in ["src", "shared/deep"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("shared/deep/a.py"), "a\n").unwrap();
        symlink("../shared/deep/a.py", at("src/a.py")).unwrap();
        symlink("../src/a.py", at("shared/b.py")).unwrap();
        symlink("../shared", at("src/lib")).unwrap();
        symlink("/etc/passwd", at("src/out")).unwrap();
        symlink("loop", at("src/loop")).unwrap();
        symlink(at("shared"), at("whole")).unwrap();
        symlink("..", at("src/top")).unwrap();
        fs::write(at("e.py"), "e\n").unwrap();
        fs::write(at("src/e.py"), "e\n").unwrap();
        symlink("../shared/deep", at("src/down")).unwrap();
        symlink("src/down/../e.py", at("in-doubt.py")).unwrap();
        symlink(at("src/down/../e.py"), at("in-doubt-as-well.py")).unwrap();
        symlink("shared/deep/../../src/e.py", at("around.py")).unwrap();
        let tree = WorkTree::below(dir.path()).unwrap();
        for (path, way) in [
            ("around.py", vec!["around.py", "src/e.py"]),
            ("shared/deep/a.py", vec!["shared/deep/a.py"]),
            ("src/a.py", vec!["src/a.py", "shared/deep/a.py"]),
            ("shared/b.py", vec!["shared/b.py", "src/a.py", "shared/deep/a.py"]),
            ("src/lib/deep/a.py", vec!["src/lib", "shared/deep/a.py"]),
            ("src/lib/b.py", vec!["src/lib", "shared/b.py", "src/a.py", "shared/deep/a.py"]),
            ("whole/deep/a.py", vec!["whole", "shared/deep/a.py"]),
            ("src/top/shared/deep/a.py", vec!["src/top", "shared/deep/a.py"]),
        ] {
            assert_eq!(tree.file(path).as_deref().unwrap_or_default(), way, "{path}");
        }
        for path in [
            "in-doubt.py",
            "in-doubt-as-well.py",
            "src/out",
            "src/loop",
            "src",
            "nowhere",
            "",
            "-",
            "src/a.py:2",
            "shared/deep/a.py/b",
        ] {
            assert_eq!(tree.file(path), None, "{path}");
        }
        assert_eq!(tree.behind("src/lib").as_deref(), Some("shared"));
        assert_eq!(tree.behind("shared/deep/a.py"), None);
        assert_eq!(tree.files("shared", 9), (vec!["shared/deep/a.py".to_owned()], true));
    }

    #[test]
    fn plain_text_is_what_every_reader_counts_alike() {
        for text in
            ["a\nb\n", "a\r\nb", "# -*- coding: utf-8 -*-\n", "# vim: set fileencoding=latin-1 :\n", "é"]
        {
            assert!(is_plain(text.as_bytes()), "{text}");
        }
        for text in [
            "a\0b",
            "a\rb",
            "a\u{2028}b",
            "a\u{c}b",
            "a\x1cb",
            "a\x1eb",
            "# coding: latin-1\nÅ",
            "# coding: utf-7\n",
            "\n# coding=raw_unicode_escape",
        ] {
            assert!(!is_plain(text.as_bytes()), "{text}");
        }
        assert!(!is_plain(b"a\x85b"));
        assert!(is_plain("# coding: utf-8\nÅ".as_bytes()));
        assert!(is_plain(b"\n\n# coding: utf-7\n"));
    }
}
