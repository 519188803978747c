//! Bad input: what a server may answer, what an object may lack, what a clock may do.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use multicluster::{Dialer as _, WatchScope, prefix_client};
use runtime::{Authority, Clock, Fault, FaultRule, ServeOptions, ServerNames, ServerTls, Stop, serve_https};

use crate::{Test, map, seconds};

#[tokio::test(start_paused = true)]
async fn every_refusal_of_list_and_watch_is_tried_again_and_named() {
    for code in [401, 403, 404, 410, 429, 500, 502, 503, 504] {
        for request in ["limit=", "watch=true"] {
            let test = Test::new();
            test.server.put("c1", map("a", "1"), "configmaps");
            test.server.faults().add(FaultRule::new(Fault::Status(code)).path(request).times(4));
            test.control();
            test.provider.start("shard", &test.server, &["c1"]);
            test.run(async {
                if request == "limit=" && code != 410 {
                    // Somewhere between the first refusal and the fifth try, whose times are drawn by lot.
                    let named = |fault: &String| fault.contains(&code.to_string());
                    let mut seen = false;
                    for _ in 0..1_000 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        seen |= test.fleet.health().kinds[0].fault.as_ref().is_some_and(named);
                    }
                    assert!(seen, "{code}");
                }
                seconds(400).await;
                test.server.put("c1", map("a", "2"), "configmaps");
                test.sees("c1 default/a 2").await;
                assert_eq!(test.fleet.health().kinds[0].fault, None, "{code} {request}");
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_disappears_while_watched_keeps_what_is_known_until_it_is_back() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.server.put("c1", map("b", "1"), "configmaps");
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/b 1").await;
        test.server.faults().add(FaultRule::new(Fault::Status(404)).path("/configmaps"));
        test.server.compact();
        seconds(120).await;
        assert_eq!(test.fleet.store::<ConfigMap>().len(), 2);
        assert!(test.fleet.health().kinds[0].fault.as_ref().unwrap().contains("404"));
        test.server.remove("c1", "", "configmaps", Some("default"), "b");
        test.server.faults().clear();
        seconds(60).await;
        assert_eq!(
            test.fleet.store::<ConfigMap>().len(),
            1,
            "what went with the schema is gone once it is listed again"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_does_not_parse_is_left_out_and_the_others_go_on() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    let mut broken = map("broken", "1");
    broken["data"] = serde_json::json!(["no", "map"]);
    test.server.put("c1", broken.clone(), "configmaps");
    test.control();
    test.provider.start("shard", &test.server, &["c1"]);
    test.run(async {
        test.sees("c1 default/a 1").await;
        let mut turned = map("a", "2");
        turned["data"] = serde_json::json!(7);
        test.server.put("c1", turned, "configmaps");
        seconds(2).await;
        assert_eq!(test.fleet.store::<ConfigMap>().len(), 0, "an old copy would be stale for ever");
        test.server.put("c1", map("a", "3"), "configmaps");
        test.sees("c1 default/a 3").await;
        let dropped =
            crate::metric(&test.fleet, r#"multicluster_events_dropped_total{reason="does_not_parse"}"#);
        assert_eq!(dropped, Some(2.0));
    })
    .await;
}

#[tokio::test]
async fn a_name_that_does_not_resolve_and_a_certificate_nobody_trusts_degrade_their_scope_alone() {
    runtime::install_crypto();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let clock = Clock::system();
    let authority = Authority::new("nobody trusts this", &clock).unwrap();
    let identity = authority.issue_server("server", &ServerNames::local_and([])).unwrap();
    let tls = ServerTls::new(&identity, None).unwrap();
    let stop = Stop::new();
    let service = tower::service_fn(|_| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::new(bytes::Bytes::new())))
    });
    let serving = serve_https(listener, tls, service, ServeOptions::default(), stop.clone());

    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    test.control();
    test.provider.start("well", &test.server, &["c1"]);
    for (id, url) in [
        ("nowhere", "https://no-such-host.invalid:6443".to_owned()),
        ("untrusted", format!("https://127.0.0.1:{port}")),
    ] {
        let client = kube::Config::new(url.parse().unwrap()).dial(&url.parse().unwrap()).unwrap();
        test.provider.send(multicluster::FleetEvent::ScopeUp(WatchScope {
            id: id.into(),
            client: prefix_client(&client, "/clusters/*"),
            redial: None,
            demux: multicluster::Demux::Meta(Arc::new(|_| None)),
        }));
    }
    let story = test.run(async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let health = test.fleet.health();
            let faults = health.kinds.iter().filter(|kind| kind.fault.is_some()).count();
            if faults == 2 && !test.seen.lock().is_empty() {
                assert!(health.kinds.iter().any(|kind| kind.scope.as_str() == "well" && kind.synced));
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "{health:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    tokio::select! {
        ended = serving => panic!("server ended: {ended:?}"),
        () = story => {}
    }
    stop.stop();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_patience_gets_it() {
    let test = Test::new();
    test.server.put("c1", map("a", "1"), "configmaps");
    let asked = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let noted = asked.clone();
    let inner = test.server.client();
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let (noted, inner) = (noted.clone(), inner.clone());
        async move {
            noted.lock().push(tokio::time::Instant::now());
            if noted.lock().len() == 1 {
                let body = kube::client::Body::from(Vec::new());
                return Ok(http::Response::builder()
                    .status(429)
                    .header("retry-after", "90")
                    .body(body)
                    .unwrap());
            }
            inner.send(request).await
        }
    });
    let client = kube::Client::new(service, "default");
    test.control();
    test.provider.send(multicluster::FleetEvent::ScopeUp(WatchScope {
        id: "shard".into(),
        client: prefix_client(&client, "/clusters/*"),
        redial: None,
        demux: multicluster::Demux::Single("c1".into()),
    }));
    test.provider.up("c1", "shard", &[], &test.server, "");
    test.run(async {
        test.sees("c1 default/a 1").await;
        let asked = asked.lock();
        assert!(asked[1] - asked[0] >= Duration::from_secs(90), "{:?}", asked[1] - asked[0]);
    })
    .await;
}
