//! OpenFGA with PostgreSQL below it: a database server of its own, in the folder of the backend.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{Backend, READY, Ready, Start, free_ports, openfga};

pub(super) const BACKEND: Backend =
    Backend { name: "openfga-postgres", pin: openfga::PIN, program: openfga::program, install, start };

/// Who owns the database; the server listens on loopback only, and trusts it.
const USER: &str = "openfga";
/// The account that the server runs as where we are root, which it refuses.
const ACCOUNT: &str = "postgres";

fn install() -> Result<()> {
    tool("postgres")?;
    if openfga::program().is_file() { Ok(()) } else { openfga::install() }
}

/// A program of PostgreSQL: on the search path, or where Debian keeps the newest version.
fn tool(name: &str) -> Result<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    folders.sort();
    let found =
        folders.into_iter().rev().chain(std::env::split_paths(&search)).map(|folder| folder.join(name));
    found.filter_map(|path| path.canonicalize().ok()).find(|path| path.is_file()).with_context(|| {
        format!("`{name}` was not found: install PostgreSQL (Debian: apt-get install postgresql)")
    })
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status")
        .is_ok_and(|text| text.lines().any(|line| line.starts_with("Uid:\t0\t")))
}

/// A command of PostgreSQL, never as root.
fn command(name: &str) -> Result<Command> {
    let tool = tool(name)?;
    if !is_root() {
        return Ok(Command::new(tool));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups", "--"]).arg(tool);
    Ok(command)
}

fn run(what: &str, command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {what}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{what} ended with {}: {}", output.status, said.trim());
    Ok(())
}

fn start(data: &Path) -> Result<Start> {
    let [port] = free_ports()?;
    let folder = data.join("postgres");
    fs::create_dir(&folder).with_context(|| format!("make {}", folder.display()))?;
    if is_root() {
        run("chown", Command::new("chown").arg(ACCOUNT).arg(&folder))?;
    }
    let mut make = command("initdb")?;
    make.arg("--pgdata").arg(&folder).args(["--username", USER, "--auth", "trust", "--no-instructions"]);
    run("initdb", make.current_dir("/"))?;
    let mut database = serve(&folder, port)?;
    match prepared(&mut database, port) {
        Ok(start) => Ok(Start { companions: vec![database], ..start }),
        Err(error) => {
            // Nobody else would end it.
            let _ = database.kill();
            let _ = database.wait();
            Err(error)
        }
    }
}

fn serve(folder: &Path, port: u16) -> Result<Child> {
    let mut serve = command("postgres")?;
    serve.arg("-D").arg(folder).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    serve.arg("-k").arg(folder).current_dir("/");
    let log = folder.with_extension("log");
    let output = fs::File::create(&log).with_context(|| format!("make {}", log.display()))?;
    serve.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    serve.spawn().context("start postgres")
}

/// Waits for the database, makes OpenFGA's tables in it, and says how OpenFGA runs on it.
fn prepared(database: &mut Child, port: u16) -> Result<Start> {
    let begun = Instant::now();
    let asked = || -> Result<bool> {
        let mut ready = Command::new(tool("pg_isready")?);
        ready.args(["--quiet", "--host", "127.0.0.1", "--port", &port.to_string()]);
        Ok(ready.status().context("run pg_isready")?.success())
    };
    while !asked()? {
        if let Some(status) = database.try_wait()? {
            bail!("postgres ended with {status}");
        }
        ensure!(begun.elapsed() < READY, "postgres was not ready within {READY:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let uri = format!("postgres://{USER}@127.0.0.1:{port}/postgres?sslmode=disable");
    let engine = ["--datastore-engine", "postgres", "--datastore-uri", &uri];
    run("openfga migrate", Command::new(openfga::program()).arg("migrate").args(engine))?;
    openfga::served(&engine, Ready::Http("/healthz"))
}
