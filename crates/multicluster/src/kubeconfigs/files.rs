//! Which files are kubeconfigs: those of a folder by their endings, those that a pattern names, or one alone.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// Endings of kubeconfigs in a folder that is named without a pattern.
const ENDINGS: [&str; 3] = ["kubeconfig", "yaml", "yml"];
const WILDCARDS: [char; 2] = ['*', '?'];

/// Where to look.
pub(super) struct Files {
    /// What was asked for.
    path: PathBuf,
    /// Whether it was one file when it was last seen: that takes its cluster along when it goes, a folder that cannot be read does not.
    was_file: AtomicBool,
}

/// Kubeconfigs by the id of their cluster, and what could not be one.
#[derive(Default)]
pub(super) struct Found {
    pub(super) texts: BTreeMap<String, Vec<u8>>,
    pub(super) faults: Vec<String>,
}

impl Files {
    pub(super) fn new(path: PathBuf) -> Self {
        Files { path, was_file: AtomicBool::new(false) }
    }

    /// Everything that is there now; an error says that nothing is known.
    pub(super) async fn read(&self) -> Result<Found, String> {
        let paths = self.list().await.map_err(|(path, error)| self.why(&path, &error))?;
        let mut found = Found::default();
        for path in paths {
            let Some(id) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            if found.texts.contains_key(id) {
                let why = "another file stands for the same cluster, and comes first by its name";
                found.faults.push(format!("kubeconfig `{}`: {why}", path.display()));
                continue;
            }
            match tokio::fs::read(&path).await {
                Ok(text) => {
                    found.texts.insert(id.to_owned(), text);
                }
                // Removed between the two looks.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.why(&path, &error)),
            }
        }
        Ok(found)
    }

    /// Paths in the order of their names.
    async fn list(&self) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
        let pattern =
            self.path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains(WILDCARDS));
        if pattern.is_none() {
            match tokio::fs::metadata(&self.path).await {
                Ok(found) => self.was_file.store(found.is_file(), Ordering::Relaxed),
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err((self.path.clone(), error));
                }
                Err(_) => {}
            }
            if self.was_file.load(Ordering::Relaxed) {
                // Reading it leaves it out when it is gone.
                return Ok(vec![self.path.clone()]);
            }
        }
        let folder = match pattern {
            // The pattern alone is one in the folder where the process stands.
            Some(_) => self.path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")),
            None => &self.path,
        };
        let fault = |error| (folder.to_owned(), error);
        let mut entries = tokio::fs::read_dir(folder).await.map_err(fault)?;
        let mut paths = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(fault)? {
            let path = entry.path();
            let wanted = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| match pattern {
                Some(pattern) => {
                    matches(pattern, name) && (pattern.starts_with('.') || !name.starts_with('.'))
                }
                None => {
                    !name.starts_with('.')
                        && ENDINGS.iter().any(|end| Path::new(name).extension() == Some(end.as_ref()))
                }
            });
            // A link to a file is one too; what cannot be looked at is told when it is read.
            if wanted && !tokio::fs::metadata(&path).await.is_ok_and(|found| found.is_dir()) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    fn why(&self, path: &Path, error: &io::Error) -> String {
        let hint = match self.path.parent() {
            Some(folder) if folder.to_string_lossy().contains(WILDCARDS) => {
                "; `*` and `?` are read in the name of a file, not in those of folders"
            }
            _ => "",
        };
        format!("kubeconfigs `{}`: `{}`: {error}{hint}", self.path.display(), path.display())
    }
}

/// Whether a name is of a pattern: `*` is any text, `?` any character, everything else is itself.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // Where the last `*` stands, and how much of the name it takes so far: it takes more when the rest does not fit.
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[seen] => (at, seen) = (at + 1, seen + 1),
            _ => {
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                (at, seen) = (back + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|left| *left == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::matches;

    #[test]
    fn mcr_a_pattern_names_files() {
        for (pattern, name, wanted) in [
            ("*.kubeconfig", "one.kubeconfig", true),
            ("*.kubeconfig", ".kubeconfig", true),
            ("*.kubeconfig", "one.kubeconfig.bak", false),
            ("eu-?.yaml", "eu-1.yaml", true),
            ("eu-?.yaml", "eu-12.yaml", false),
            ("*a*b", "xaxbxab", true),
            ("*a*b", "xaxbxa", false),
            ("one", "one", true),
            ("one", "On", false),
            ("[ab]", "a", false),
            ("?", "é", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, name), wanted, "{pattern} {name}");
        }
    }

    /// As it is defined, in exponential time.
    fn naive(pattern: &[char], name: &[char]) -> bool {
        match (pattern.first(), name.first()) {
            (None, _) => name.is_empty(),
            (Some('*'), _) => naive(&pattern[1..], name) || (!name.is_empty() && naive(pattern, &name[1..])),
            (Some('?'), Some(_)) => naive(&pattern[1..], &name[1..]),
            (Some(wanted), Some(found)) => wanted == found && naive(&pattern[1..], &name[1..]),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn mcr_patterns_mean_what_they_are_defined_as(pattern in "[ab*?]{0,8}", name in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            prop_assert_eq!(matches(&pattern, &name), naive(&chars(&pattern), &chars(&name)));
        }
    }
}
