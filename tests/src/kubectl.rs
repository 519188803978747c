//! Stock kubectl against a plane, with a home and a cache of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
};

use crate::Plane;

const PATIENCE: Duration = Duration::from_secs(60);

/// What kubectl said.
#[derive(Clone, Debug)]
pub struct Output {
    /// Whether it ended with 0.
    pub ok: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Output {
    /// Standard output of a run that must have succeeded.
    #[track_caller]
    pub fn fine(self) -> String {
        assert!(self.ok, "kubectl: {}{}", self.out, self.err);
        self.out
    }
}

/// kubectl in one workspace, as one user.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
    server: String,
    token: Option<String>,
}

impl Kubectl {
    /// kubectl with the plane's `admin.kubeconfig`, in workspace root; nothing, and one line, where it is not installed.
    pub fn of(plane: &Plane) -> Option<Self> {
        let Some(program) = found("kubectl") else {
            println!("passed over: no kubectl on PATH");
            return None;
        };
        Some(
            Self {
                program,
                kubeconfig: plane.kubeconfig(),
                home: plane.folder().to_owned(),
                server: plane.url().to_owned(),
                token: None,
            }
            .at("root"),
        )
    }

    /// The same in another workspace.
    pub fn at(mut self, workspace: &str) -> Self {
        let base = self.server.split("/clusters/").next().unwrap_or_default();
        self.server = format!("{base}/clusters/{workspace}");
        self
    }

    /// The same as another user.
    pub fn by(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &self.home)
            .arg(format!("--server={}", self.server))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(token) = &self.token {
            // A context without credentials of its own, so that the token alone counts.
            command.arg(format!("--token={token}")).arg("--user=nobody");
            command.env("KUBECONFIG", self.home.join("nobody.kubeconfig"));
        }
        command
    }

    /// Runs it to its end.
    pub async fn run(&self, words: &[&str]) -> Output {
        self.run_with(words, "").await
    }

    /// Runs it to its end with an input.
    pub async fn run_with(&self, words: &[&str], input: &str) -> Output {
        self.prepare().await;
        let mut command = self.command(words);
        command.stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("kubectl {words:?} does not end")).unwrap();
        Output {
            ok: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts it and hands out its lines while it runs.
    pub async fn follow(&self, words: &[&str]) -> Lines {
        self.prepare().await;
        let mut child = self.command(words).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Lines { lines: out.lines(), _child: child }
    }

    /// The kubeconfig of other users: the server's authority and no credential.
    async fn prepare(&self) {
        if self.token.is_none() {
            return;
        }
        let mut file = runtime::Kubeconfig::read(&self.kubeconfig).await.unwrap();
        file = file.user("nobody", &runtime::Credential::Anonymous).context("nobody", "root", "nobody");
        file.current("nobody").write(&self.home.join("nobody.kubeconfig")).await.unwrap();
    }
}

/// Lines of a running kubectl; dropping them ends it.
pub struct Lines {
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    _child: Child,
}

impl Lines {
    /// Reads on until a line holds the text, and answers that line.
    pub async fn until(&mut self, text: &str) -> String {
        let search = async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("kubectl ended before it said `{text}`"));
                if line.contains(text) {
                    return line;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("kubectl never said `{text}`"))
    }
}

fn found(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|folder| folder.join(program)).find(|path: &PathBuf| is_file(path))
}

fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file())
}
