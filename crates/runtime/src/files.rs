//! Files that appear by rename: a reader sees the whole file or none.

use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt as _;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[error("file `{path}` cannot be written: {source}")]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The cause.
    pub source: std::io::Error,
}

/// Writes a file that only its owner may read (mode 0600), by rename; missing folders are made.
pub async fn write_private(path: &Path, content: impl AsRef<[u8]>) -> Result<(), FileError> {
    write(path, content.as_ref(), 0o600).await
}

/// Writes a file that everybody may read (mode 0644), by rename; missing folders are made.
pub async fn write_public(path: &Path, content: impl AsRef<[u8]>) -> Result<(), FileError> {
    write(path, content.as_ref(), 0o644).await
}

async fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), FileError> {
    let fault = |source| FileError { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| fault(std::io::Error::other("it names no file")))?;
    tokio::fs::create_dir_all(folder).await.map_err(fault)?;
    // The process id keeps two writers of one file from sharing the draft.
    let draft = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = async {
        let mut options = tokio::fs::OpenOptions::new();
        // A leftover draft could be more readable than the mode asked for, so it is not reused.
        match tokio::fs::remove_file(&draft).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = options.write(true).create_new(true).mode(mode).open(&draft).await?;
        file.write_all(content).await?;
        file.sync_all().await?;
        tokio::fs::rename(&draft, path).await
    };
    let written = written.await;
    if written.is_err() {
        let _ = tokio::fs::remove_file(&draft).await;
    }
    written.map_err(fault)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_private_file_is_readable_by_its_owner_only_and_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/admin.kubeconfig");
        write_private(&path, "one").await.unwrap();
        write_private(&path, "two").await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn an_unwritable_place_is_named_in_the_error() {
        let error = write_public(Path::new("/proc/none/file"), "x").await.unwrap_err();
        assert!(error.to_string().starts_with("file `/proc/none/file` cannot be written: "), "{error}");
    }
}
