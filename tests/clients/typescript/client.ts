// A search, a filter and an error, through a client whose types come from the OpenAPI document.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2]! });

const { data } = await client.POST("/search", {
  body: { query: "a boat on the coast", k: 3, filter: { genres: "mystery" } },
});
const ids: string[] = data!.hits.map((hit) => hit.id!);

const { error, response } = await client.POST("/search", {
  body: { query: "tide", filter: { colour: "red" } },
});

const byUrl = await client.GET("/search", { params: { query: { q: "tide", k: 1 } } });

console.log(JSON.stringify({
  ids, status: response.status, detail: error!.detail, first: byUrl.data!.hits[0]!.id,
}));
