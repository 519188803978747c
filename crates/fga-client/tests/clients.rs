//! Clients that know nothing of us, against our server: the `fga` command line and OpenFGA's own Python library. Each is
//! passed over with a line where it is not installed (`cargo xtask peers install`).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use fga_engine::{
    Engine,
    server::{ServerOptions, serve_http},
};
use runtime::{End, Stop, Tasks};
use serde_json::Value;
use tokio::net::TcpListener;

fn peers() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target")).join("peers")
}

/// The HTTP API on a port of loopback, with a token.
async fn server() -> (String, Tasks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let options = ServerOptions { token: Some("secret".to_owned()), ..ServerOptions::default() };
    let tasks = Tasks::new();
    tasks.spawn(
        "http",
        End::StopProcess,
        serve_http(Arc::new(Engine::default()), listener, options, Stop::new()),
    );
    (url, tasks)
}

#[track_caller]
fn fine(output: &Output) -> Value {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    serde_json::from_str(&out).unwrap_or_default()
}

/// Runs a command beside the server's runtime.
async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn fga(program: &Path, url: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).args(["--api-url", url, "--api-token", "secret"]);
    command.env("HOME", std::env::temp_dir()).env("PYTHONPATH", peers().join("fga"));
    command
}

const MODEL: &str = "model\n  schema 1.1\n\ntype user\n\ntype document\n  relations\n    define owner: [user]\n    define viewer: [user, user with weekday] or owner\n\ncondition weekday(day: string) {\n  day != 'sunday'\n}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fga_06_the_fga_command_line_makes_writes_asks_and_lists() {
    let program = peers().join("fga/bin/fga");
    if !program.is_file() {
        println!("passed over: no `fga` command line; cargo xtask peers install");
        return;
    }
    let (url, _tasks) = server().await;
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.fga");
    std::fs::write(&model, MODEL).unwrap();
    let made = run(fga(
        &program,
        &url,
        &["store", "create", "--name", "library", "--model", model.to_str().unwrap()],
    ))
    .await;
    let made = fine(&made);
    let store = made["store"]["id"].as_str().unwrap().to_owned();
    let call = async |words: &[&str]| {
        let words: Vec<&str> = words.iter().copied().chain(["--store-id", &store]).collect();
        run(fga(&program, &url, &words)).await
    };
    fine(&call(&["tuple", "write", "user:anne", "owner", "document:1"]).await);
    let conditional = ["tuple", "write", "user:bob", "viewer", "document:2", "--condition-name", "weekday"];
    fine(&call(&conditional).await);
    let allowed = fine(&call(&["query", "check", "user:anne", "viewer", "document:1"]).await);
    assert_eq!(allowed["allowed"], true);
    let sunday = ["query", "check", "user:bob", "viewer", "document:2", "--context", r#"{"day":"sunday"}"#];
    assert_eq!(fine(&call(&sunday).await)["allowed"], false);
    let listed = fine(&call(&["query", "list-objects", "user:anne", "viewer", "document"]).await);
    assert_eq!(listed["objects"], serde_json::json!(["document:1"]));
    let users = fine(
        &call(&[
            "query",
            "list-users",
            "--object",
            "document:1",
            "--relation",
            "viewer",
            "--user-filter",
            "user",
        ])
        .await,
    );
    assert_eq!(users["users"][0]["object"]["id"], "anne");
    let read = fine(&call(&["tuple", "read"]).await);
    assert_eq!(read["tuples"].as_array().map(Vec::len), Some(2));
    let twice = call(&["tuple", "write", "user:anne", "owner", "document:1"]).await;
    let said =
        format!("{}{}", String::from_utf8_lossy(&twice.stdout), String::from_utf8_lossy(&twice.stderr));
    assert!(said.contains("already exists"), "{said}");
}

const PYTHON: &str = r#"
import asyncio, sys
from openfga_sdk import ClientConfiguration, OpenFgaClient, CreateStoreRequest
from openfga_sdk.client.models import (ClientCheckRequest, ClientListObjectsRequest, ClientTuple, ClientWriteRequest,
    ClientBatchCheckRequest, ClientBatchCheckItem)
from openfga_sdk.credentials import Credentials, CredentialConfiguration
from openfga_sdk.exceptions import ValidationException

async def main(url):
    token = Credentials(method="api_token", configuration=CredentialConfiguration(api_token="secret"))
    async with OpenFgaClient(ClientConfiguration(api_url=url, credentials=token)) as client:
        store = await client.create_store(CreateStoreRequest(name="library"))
        client.set_store_id(store.id)
        model = await client.write_authorization_model({"schema_version": "1.1", "type_definitions": [
            {"type": "user"},
            {"type": "document", "relations": {"viewer": {"this": {}}},
             "metadata": {"relations": {"viewer": {"directly_related_user_types": [{"type": "user"}]}}}}]})
        client.set_authorization_model_id(model.authorization_model_id)
        await client.write(ClientWriteRequest(writes=[ClientTuple(user="user:anne", relation="viewer", object="document:1")]))
        anne = ClientCheckRequest(user="user:anne", relation="viewer", object="document:1")
        bob = ClientCheckRequest(user="user:bob", relation="viewer", object="document:1")
        assert (await client.check(anne)).allowed is True
        assert (await client.check(bob)).allowed is False
        listed = await client.list_objects(ClientListObjectsRequest(user="user:anne", relation="viewer", type="document"))
        assert listed.objects == ["document:1"], listed
        streamed = [item.object async for item in client.streamed_list_objects(
            ClientListObjectsRequest(user="user:anne", relation="viewer", type="document"))]
        assert streamed == ["document:1"], streamed
        batch = await client.batch_check(ClientBatchCheckRequest(checks=[
            ClientBatchCheckItem(user="user:anne", relation="viewer", object="document:1", correlation_id="a"),
            ClientBatchCheckItem(user="user:bob", relation="viewer", object="document:1", correlation_id="b")]))
        assert {r.correlation_id: r.allowed for r in batch.result} == {"a": True, "b": False}, batch
        try:
            await client.write(ClientWriteRequest(writes=[ClientTuple(user="user:anne", relation="viewer", object="document:1")]))
            raise SystemExit("a tuple was written twice")
        except ValidationException as error:
            assert "write_failed_due_to_invalid_input" in str(error.parsed_exception.code), error
        read = await client.read_latest_authorization_model()
        assert read.authorization_model.id == model.authorization_model_id

asyncio.run(main(sys.argv[1]))
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fga_06_openfgas_python_library_makes_writes_asks_and_lists() {
    if !peers().join("openfga-sdk/openfga_sdk/__init__.py").is_file() {
        println!("passed over: no `openfga_sdk`; cargo xtask peers install");
        return;
    }
    let (url, _tasks) = server().await;
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON, &url]).env("PYTHONPATH", peers().join("openfga-sdk"));
    let ran = run(python).await;
    fine(&ran);
}
