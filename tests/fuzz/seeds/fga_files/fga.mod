schema: '1.2'
contents:
  - core.fga
  - stock\shelf.fga
  - 100%25.fga
