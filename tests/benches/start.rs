//! From start to ready, memory, workspaces: one table beside kcp's figures. Numbers of a debug build mean nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a measurement, not a library")]

use std::{sync::Arc, time::Instant};

use mesh::{DemoEvent, Mesh, MeshOptions, Reach};
use scenarios::{Plane, resident_bytes};
use serde_json::{Value, json};

/// That of the program measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The step in which the invited person uses what was granted.
const LAST_STEP: usize = 9;
const CREATORS: usize = 4;
const MEGABYTE: f64 = 1_000_000.0;
const WORKSPACES: &str = "/clusters/root/apis/tenancy.kcp.io/v1alpha1/workspaces";

/// A row of the table; `better` tells which direction is good.
struct Row {
    what: String,
    own: f64,
    kcp: Option<(f64, f64)>,
    aim: f64,
    unit: &'static str,
    more_is_better: bool,
}

fn main() {
    let (mut first, mut many) = (200, 1_000);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = |words: &mut dyn Iterator<Item = String>| words.next().and_then(|n| n.parse().ok());
        match word.as_str() {
            "--bench" => {}
            "--workspaces" => first = number(&mut words).expect("--workspaces N"),
            "--many" => many = number(&mut words).expect("--many N"),
            other => panic!("`{other}` is no option; there are --workspaces N and --many N"),
        }
    }
    let many = many.max(first);
    let executor = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut rows = executor.block_on(measured(first, many));
    rows.extend(executor.block_on(of_a_mesh()));
    print(&rows, many);
}

/// How the story of a mesh goes, up to the step where a grant is seen; kcp alone has no such figures.
async fn of_a_mesh() -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let mesh = Mesh::up(MeshOptions::new(folder.path())).await.unwrap();
    let reach = Reach::to(folder.path()).await.unwrap();
    let mut reports = Vec::new();
    let summary = mesh::demo(&reach, LAST_STEP, |event| {
        if let DemoEvent::Ended(report) = event {
            reports.push(report);
        }
    })
    .await;
    mesh.stop().await;
    let broken = reports.iter().find_map(|report| report.error.as_deref());
    assert!(summary.is_ok(), "the story ends early: {}", broken.unwrap_or_default());
    let organization = reports.iter().find(|report| report.step == 1).map(|report| report.ms);
    // `visible 12 ms after the grant`
    let visible = reports
        .iter()
        .flat_map(|report| &report.objects)
        .find_map(|note| note.strip_prefix("visible ")?.split(' ').next()?.parse::<u64>().ok());
    let row = |what: &str, ms: Option<u64>, aim: f64| Row {
        what: what.into(),
        own: ms.unwrap() as f64,
        kcp: None,
        aim,
        unit: "ms",
        more_is_better: false,
    };
    vec![
        row("organisation to Ready, login included", organization, 1_000.0),
        row("grant visible, login included", visible, 50.0),
    ]
}

async fn measured(first: usize, many: usize) -> Vec<Row> {
    let start = Instant::now();
    let plane = Arc::new(Plane::start().await);
    plane.get("", "/readyz").await.expect(200);
    let ready = start.elapsed().as_secs_f64();
    let memory = resident_bytes();
    let (start, mut made) = (Instant::now(), 0);
    create(&plane, made..first).await;
    made = first;
    let rate = made as f64 / start.elapsed().as_secs_f64();
    create(&plane, made..many).await;
    let each = resident_bytes().saturating_sub(memory) as f64 / many as f64;
    vec![
        Row {
            what: "start to ready".into(),
            own: ready,
            kcp: Some((24.0, 24.0)),
            aim: 1.0,
            unit: "s",
            more_is_better: false,
        },
        Row {
            what: "memory at ready".into(),
            own: memory as f64 / MEGABYTE,
            kcp: Some((480.0, 550.0)),
            aim: 100.0,
            unit: "MB",
            more_is_better: false,
        },
        Row {
            what: format!("workspaces until Ready ({first}, four creators)"),
            own: rate,
            kcp: Some((2.7, 2.9)),
            aim: 300.0,
            unit: "/s",
            more_is_better: true,
        },
        Row {
            what: format!("memory of a workspace at {many}"),
            own: each / MEGABYTE,
            kcp: Some((5.7, 6.8)),
            aim: 0.1,
            unit: "MB",
            more_is_better: false,
        },
    ]
}

/// Four creators, each with its own share; over when every workspace is ready.
async fn create(plane: &Arc<Plane>, numbers: std::ops::Range<usize>) {
    let end = numbers.end;
    let shares = (0..CREATORS).map(|share| {
        let mine: Vec<usize> = numbers.clone().filter(|number| number % CREATORS == share).collect();
        async move {
            for number in mine {
                let body = json!({"apiVersion": "tenancy.kcp.io/v1alpha1", "kind": "Workspace",
                    "metadata": {"name": format!("w{number}")},
                    "spec": {"type": {"path": "root", "name": "universal"}}});
                plane.post(plane.admin(), WORKSPACES, &body).await.expect(201);
            }
        }
    });
    futures::future::join_all(shares).await;
    let is_ready = |workspace: &Value| workspace["status"]["phase"] == "Ready";
    loop {
        let list = plane.get(plane.admin(), WORKSPACES).await.expect(200);
        if list["items"].as_array().unwrap().iter().filter(|w| is_ready(w)).count() >= end {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A cell for each figure; what is beside it for comparison is not counted.
fn print(rows: &[Row], many: usize) {
    let build = if cfg!(debug_assertions) { "debug build: figures mean nothing" } else { "release build" };
    println!("{many} workspaces, {build}");
    for row in rows {
        let met = if row.more_is_better { row.own > row.aim } else { row.own < row.aim };
        let word = if met { "ok" } else { "RED" };
        let (kcp, ratio) = match row.kcp {
            None => ("-".to_owned(), "-".to_owned()),
            Some((low, high)) => {
                let (here, there) = (row.own.max(f64::EPSILON), (low + high) / 2.0);
                let ratio = if row.more_is_better { here / there } else { there / here };
                let kcp = if low < high { format!("{low}-{high}") } else { format!("{low}") };
                (format!("{kcp} {}", row.unit), format!("{ratio:.0}x"))
            }
        };
        let sign = if row.more_is_better { '>' } else { '<' };
        let (own, aim) = (format!("{:.3} {}", row.own, row.unit), format!("{sign} {} {}", row.aim, row.unit));
        let reason = format!("{own} is not {aim}");
        cell(&row.what, "here", json!({"cell": word, "text": own, "reason": reason}));
        for (column, text) in [("aim", aim), ("kcp", kcp), ("ratio", ratio)] {
            cell(&row.what, column, json!({"cell": "note", "text": text}));
        }
    }
}

fn cell(row: &str, column: &str, mut cell: Value) {
    cell["row"] = row.into();
    cell["column"] = column.into();
    println!("::cell {cell}");
}
