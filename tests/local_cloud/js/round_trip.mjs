// What the AWS SDK for JavaScript makes of the variables: objects, a multipart upload, presigned URLs, JSON.
import { createReadStream } from "node:fs";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { ListStateMachinesCommand, SFNClient } from "@aws-sdk/client-sfn";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const [file, Bucket, odd] = process.argv.slice(2);
const s3 = new S3Client({});
const bytesOf = async (Key) => {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return (await answer.Body.transformToByteArray()).length;
};

await s3.send(new CreateBucketCommand({ Bucket }));
await s3.send(new PutObjectCommand({ Bucket, Key: odd, Body: "hello", Metadata: { from: "js" } }));
const parts = { Bucket, Key: "parts", Body: createReadStream(file) };
await new Upload({ client: s3, params: parts }).done();
const got = await fetch(await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: odd })));
const command = new PutObjectCommand({ Bucket, Key: "put", ContentType: "text/plain" });
const headers = { "content-type": "text/plain" };
const put = await fetch(await getSignedUrl(s3, command), { method: "PUT", body: "abc", headers });
const machines = await new SFNClient({}).send(new ListStateMachinesCommand({}));
console.log(
  JSON.stringify({
    odd: await bytesOf(odd),
    parts: await bytesOf("parts"),
    get: [got.status, await got.text()],
    put: [put.status, await bytesOf("put")],
    machines: Array.isArray(machines.stateMachines),
  }),
);
