// sdk.mjs FOLDER: the JavaScript SDK, which is installed in that folder.  Each
// line of standard input is [operation, parameters] as JSON; each line of
// standard output is the answer, or {"error": "code: message"}.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const amplify = createRequire(process.argv[2] + '/')('@aws-sdk/client-amplify');

const client = new amplify.AmplifyClient({
    endpoint: process.env.AMPLIFY_MOCK_URL,
    region: 'us-east-1',
    credentials: {
        accessKeyId: process.env.AWS_ACCESS_KEY_ID,
        secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
    },
});

async function ask(operation, parameters) {
    const { $metadata, ...answer } = await client.send(
        new amplify[operation + 'Command'](parameters));

    return answer;
}

for await (const line of createInterface({ input: process.stdin }))
    console.log(JSON.stringify(await ask(...JSON.parse(line)).catch(
        (error) => ({ error: `${error.name}: ${error.message}` }))));
