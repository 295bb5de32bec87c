package identity

// vector is a request that a client's own signer signed (iam.md 8.6, 8.7 and
// errors.md 3.2), with the text that is signed where it is published.
type vector struct {
	name           string
	method, target string
	host           string
	header         map[string]string
	body           string
	canonical      string // "": not published
	digest         string // of the canonical request
}

const (
	vectorAccess  = "AKVECTOR0000000001"
	vectorSecret  = "skVectorSecretKey0000000000000000000001"
	vectorProject = "0123456789abcdef0123456789abcdef"
	vectorTime    = "20260102T030405Z"
)

// vectors are signed with the vector key at the vector time.
var vectors = []vector{
	{
		name: "A1 GET with an escaped query", method: "GET", target: "/v2/manage/repos?filter=namespace%3A%3Agroup%7Cname%3A%3Amy%20app%2Bv1%7Climit%3A%3A10%7Coffset%3A%3A0&order_column=name&order_type=asc",
		header: map[string]string{
			"Authorization": "SDK-HMAC-SHA256 Access=AKVECTOR0000000001, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=22300d1b511b40c0735ba5fe5baced06195b46138ed9af4255ad89e85826db43",
			"Content-Type":  "application/json",
			"User-Agent":    "huaweicloud-usdk-go/3.0; vector/1",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		canonical: `GET
/v2/manage/repos/
filter=namespace%3A%3Agroup%7Cname%3A%3Amy%20app%2Bv1%7Climit%3A%3A10%7Coffset%3A%3A0&order_column=name&order_type=asc
user-agent:huaweicloud-usdk-go/3.0; vector/1
x-project-id:0123456789abcdef0123456789abcdef
x-sdk-date:20260102T030405Z

user-agent;x-project-id;x-sdk-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
		digest: "9918eec6ad354e0454005ef227642f94eac64dab07e14d64e1cce51614b0190e",
	},
	{
		name: "A2 DELETE with force", method: "DELETE", target: "/v2/manage/namespaces/group/repos/busybox?force=true",
		header: map[string]string{
			"Authorization": "SDK-HMAC-SHA256 Access=AKVECTOR0000000001, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=eae8743ef29c0b64696a174eea2eaebd15cfc5535ed7bc8b4f1f70453ed70b3d",
			"Content-Type":  "application/json",
			"User-Agent":    "huaweicloud-usdk-go/3.0; vector/1",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		canonical: `DELETE
/v2/manage/namespaces/group/repos/busybox/
force=true
user-agent:huaweicloud-usdk-go/3.0; vector/1
x-project-id:0123456789abcdef0123456789abcdef
x-sdk-date:20260102T030405Z

user-agent;x-project-id;x-sdk-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
		digest: "27151daa71cd95acba74576e5ac6f9e2df90ee11922f507e7ce2352dfe446634",
	},
	{
		name: "A3 POST with JSON and a line feed", method: "POST", target: "/v2/manage/namespaces",
		header: map[string]string{
			"Authorization": "SDK-HMAC-SHA256 Access=AKVECTOR0000000001, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=eca752e6db22306cca66769c8b3b09ecdd266fb19dd51536e9f447e0a8966d16",
			"Content-Type":  "application/json",
			"User-Agent":    "huaweicloud-usdk-go/3.0; vector/1",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		body: "{\"namespace\":\"group\"}\n",
		canonical: `POST
/v2/manage/namespaces/

user-agent:huaweicloud-usdk-go/3.0; vector/1
x-project-id:0123456789abcdef0123456789abcdef
x-sdk-date:20260102T030405Z

user-agent;x-project-id;x-sdk-date
19d8c8b4ac7fb344fa6be93629fae6a3bb65bc3832aa704f2d4d80cde61dda30`,
		digest: "4de173bb959631b63c381daae0adb4aa5daafaab74fa39f55b3195b829dc7fe7",
	},
	{
		name: "A4 special characters in the path", method: "DELETE", target: "/v2/manage/namespaces/group/repos/team$web%20app/tags/v1.0~rc+1@%C3%A9%252F%2A",
		header: map[string]string{
			"Authorization": "SDK-HMAC-SHA256 Access=AKVECTOR0000000001, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=0d33e29400a3ea299505b47858c3c3b3583b0763b1a038fd017f7d20f926b6b8",
			"Content-Type":  "application/json",
			"User-Agent":    "huaweicloud-usdk-go/3.0; vector/1",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		canonical: `DELETE
/v2/manage/namespaces/group/repos/team%24web%20app/tags/v1.0~rc%2B1%40%C3%A9%252F%2A/

user-agent:huaweicloud-usdk-go/3.0; vector/1
x-project-id:0123456789abcdef0123456789abcdef
x-sdk-date:20260102T030405Z

user-agent;x-project-id;x-sdk-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
		digest: "8a685b07df063561050f7411439167b068956d93a95d8395993c1c1c38da0979",
	},
	{
		name: "A5 DELETE with a JSON array", method: "DELETE", target: "/v2/manage/namespaces/group/access",
		header: map[string]string{
			"Authorization": "SDK-HMAC-SHA256 Access=AKVECTOR0000000001, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=ce1002943d80ce147effb3ca37844e78d4b4757cb75df4f95465581beab64bdc",
			"Content-Type":  "application/json",
			"User-Agent":    "huaweicloud-usdk-go/3.0; vector/1",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		body: "[\"fb3f175c1fd146ab8cdae3272be6107b\"]\n",
		canonical: `DELETE
/v2/manage/namespaces/group/access/

user-agent:huaweicloud-usdk-go/3.0; vector/1
x-project-id:0123456789abcdef0123456789abcdef
x-sdk-date:20260102T030405Z

user-agent;x-project-id;x-sdk-date
d02bf97158a3247b86f0bd9bed2bb240ab2df48ce84aae4b1a1ae78729bd8684`,
		digest: "40f2948779f55df1633e18f7a4a46248dff5eac20ccde3822b16a1ca95641648",
	},
	{
		name: "A6 POST without body, query key without value", method: "POST", target: "/v2/manage/utils/secret?projectname",
		header: map[string]string{
			"Authorization":    "SDK-HMAC-SHA256 Access=AKVECTOR0000000001, SignedHeaders=user-agent;x-project-id;x-sdk-date;x-security-token, Signature=667ff6f11434159254fdda096264bb10b818f3ab5728083d38c5b8a158cef98a",
			"Content-Type":     "application/json",
			"User-Agent":       "huaweicloud-usdk-go/3.0; vector/1",
			"X-Project-Id":     "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":       "20260102T030405Z",
			"X-Security-Token": "sts-token-ABC==",
		},
		canonical: `POST
/v2/manage/utils/secret/
projectname=
user-agent:huaweicloud-usdk-go/3.0; vector/1
x-project-id:0123456789abcdef0123456789abcdef
x-sdk-date:20260102T030405Z
x-security-token:sts-token-ABC==

user-agent;x-project-id;x-sdk-date;x-security-token
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
		digest: "c4084f9f54c8d2b431ce3bc4a6a70eabb308ce7e20501dc9c4d4e0ddebf7c847",
	},
	{
		name: "A7 repeated and mixed-case query keys", method: "GET", target: "/v2/x?B=1&a=2&tag=b&tag=a%20c&tag=A",
		header: map[string]string{
			"Authorization": "SDK-HMAC-SHA256 Access=AKVECTOR0000000001, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=5ab4465ea300b39a24657b66e51aedccb74dd047bc16cb0960afbbb2d2b93d1b",
			"Content-Type":  "application/json",
			"User-Agent":    "huaweicloud-usdk-go/3.0; vector/1",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		canonical: `GET
/v2/x/
B=1&a=2&tag=A&tag=a%20c&tag=b
user-agent:huaweicloud-usdk-go/3.0; vector/1
x-project-id:0123456789abcdef0123456789abcdef
x-sdk-date:20260102T030405Z

user-agent;x-project-id;x-sdk-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
		digest: "1044d9e767fb18e27bff629e4dbdeb4eb4be2df51016fb3a0328db1daa135d69",
	},
	{
		name: "A8 unsigned payload", method: "PUT", target: "/v2/blob",
		header: map[string]string{
			"Authorization":        "SDK-HMAC-SHA256 Access=AKVECTOR0000000001, SignedHeaders=user-agent;x-project-id;x-sdk-content-sha256;x-sdk-date, Signature=3cea504374b03ef0de44a30707ec12a661c317138a09cb5c915071063243f84f",
			"Content-Type":         "application/octet-stream",
			"User-Agent":           "huaweicloud-usdk-go/3.0; vector/1",
			"X-Project-Id":         "0123456789abcdef0123456789abcdef",
			"X-Sdk-Content-Sha256": "UNSIGNED-PAYLOAD",
			"X-Sdk-Date":           "20260102T030405Z",
		},
		body: "raw-bytes",
		canonical: `PUT
/v2/blob/

user-agent:huaweicloud-usdk-go/3.0; vector/1
x-project-id:0123456789abcdef0123456789abcdef
x-sdk-content-sha256:UNSIGNED-PAYLOAD
x-sdk-date:20260102T030405Z

user-agent;x-project-id;x-sdk-content-sha256;x-sdk-date
UNSIGNED-PAYLOAD`,
		digest: "6f0d9b1f1fa78fa121c7721a28674b3e24c19ee68b2b207a3a45905e5de6a5f9",
	},
	{
		name: "A9 only the date is signed", method: "GET", target: "/v3/projects?name=eu-de",
		header: map[string]string{
			"Authorization": "SDK-HMAC-SHA256 Access=AKVECTOR0000000001, SignedHeaders=x-sdk-date, Signature=4e8fc2da9cea661e4b0165ba01df16810a4df91f83d748d3ccfda1bb441aa55f",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		canonical: `GET
/v3/projects/
name=eu-de
x-sdk-date:20260102T030405Z

x-sdk-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
		digest: "1f3009f7b19612255047e01280130773673dcc736a6fd1e5a673288eb6e4761b",
	},
	{
		name: "S1 GET with the host signed", method: "GET", target: "/v2/manage/repos?limit=4&offset=0&order_column=name&order_type=asc",
		host: "swr-api.example.test:8443",
		header: map[string]string{
			"Accept":        "application/json",
			"Authorization": "SDK-HMAC-SHA256 Credential=AKVECTOR0000000001/20260102///sdk_request, SignedHeaders=accept;host;user-agent;x-sdk-date, Signature=c23da6dc171123e8dbfb5018fc6d9ffba6dbe425aeeb20bd7ce141e1b6b4da11",
			"User-Agent":    "golangsdk/2.0.0",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		canonical: `GET
/v2/manage/repos/
limit=4&offset=0&order_column=name&order_type=asc
accept:application/json
host:swr-api.example.test:8443
user-agent:golangsdk/2.0.0
x-sdk-date:20260102T030405Z

accept;host;user-agent;x-sdk-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
		digest: "8325b7138dc7e472017d3b32e09c0b1aa7dfc33d5cdb17709340b62ab7c3032e",
	},
	{
		name: "S2 POST with JSON", method: "POST", target: "/v2/manage/namespaces",
		host: "swr-api.example.test:8443",
		header: map[string]string{
			"Accept":        "application/json",
			"Authorization": "SDK-HMAC-SHA256 Credential=AKVECTOR0000000001/20260102///sdk_request, SignedHeaders=accept;content-type;host;user-agent;x-sdk-date, Signature=89c70bbf1598d708cb07fdc171e539429f7e324d2f58c45b04b39cb531784f88",
			"Content-Type":  "application/json",
			"User-Agent":    "golangsdk/2.0.0",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		body: "{\"namespace\":\"group\"}\n",
		canonical: `POST
/v2/manage/namespaces/

accept:application/json
content-type:application/json
host:swr-api.example.test:8443
user-agent:golangsdk/2.0.0
x-sdk-date:20260102T030405Z

accept;content-type;host;user-agent;x-sdk-date
19d8c8b4ac7fb344fa6be93629fae6a3bb65bc3832aa704f2d4d80cde61dda30`,
		digest: "98750d6675c97f07618442d7290db2f76b98a34da5e761f8083a6660517d3611",
	},
	{
		name: "S3 POST without body: the query is the payload", method: "POST", target: "/v2/manage/utils/secret?projectname=eu-de&x=a%20b",
		host: "swr-api.example.test:8443",
		header: map[string]string{
			"Accept":        "application/json",
			"Authorization": "SDK-HMAC-SHA256 Credential=AKVECTOR0000000001/20260102///sdk_request, SignedHeaders=accept;host;user-agent;x-sdk-date, Signature=b0ab961381e71bb79bb912add7f54aa6d7d5e3c66d7090d8024be10ac96c22d0",
			"User-Agent":    "golangsdk/2.0.0",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		canonical: `POST
/v2/manage/utils/secret/

accept:application/json
host:swr-api.example.test:8443
user-agent:golangsdk/2.0.0
x-sdk-date:20260102T030405Z

accept;host;user-agent;x-sdk-date
fbd1bba7ca7f95ea5c8381a3eb64efd83546d301e60e5cb97fd3c278517905e9`,
		digest: "b35907101b308e33b0d2b5f87836a106564a47d8e180b0aebdb2650c8ff5ac3b",
	},
	{
		name: "S4 region and service named", method: "DELETE", target: "/v2/manage/namespaces/group/repos/team$web/tags/v1.0+1?force=true",
		host: "swr-api.example.test:8443",
		header: map[string]string{
			"Accept":        "application/json",
			"Authorization": "SDK-HMAC-SHA256 Credential=AKVECTOR0000000001/20260102/eu-de/swr/sdk_request, SignedHeaders=accept;host;user-agent;x-sdk-date, Signature=d5d6a731482482158344039123e3b582639bb38ff1daf2d2b46f0ccb7fc73dde",
			"User-Agent":    "golangsdk/2.0.0",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		canonical: `DELETE
/v2/manage/namespaces/group/repos/team%24web/tags/v1.0%2B1/
force=true
accept:application/json
host:swr-api.example.test:8443
user-agent:golangsdk/2.0.0
x-sdk-date:20260102T030405Z

accept;host;user-agent;x-sdk-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
		digest: "57a883f490c103f9bf0b657580c5e75fd4a4998b4c7230a64a74af47008e2ff9",
	},
	{
		name: "D1 derived", method: "GET", target: "/v2/manage/projects/0123456789abcdef0123456789abcdef/quotas",
		header: map[string]string{
			"Authorization": "V11-HMAC-SHA256 Credential=AKVECTOR0000000001/20260102/eu-de/swr, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=90b86ab6e86090bb6b4704c19e0106b27e882b346ccccab9fadf4e84cf09a713",
			"Content-Type":  "application/json",
			"User-Agent":    "huaweicloud-usdk-go/3.0; vector/1",
			"X-Project-Id":  "0123456789abcdef0123456789abcdef",
			"X-Sdk-Date":    "20260102T030405Z",
		},
		canonical: `GET
/v2/manage/projects/0123456789abcdef0123456789abcdef/quotas/

user-agent:huaweicloud-usdk-go/3.0; vector/1
x-project-id:0123456789abcdef0123456789abcdef
x-sdk-date:20260102T030405Z

user-agent;x-project-id;x-sdk-date
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
		digest: "c1b17dbf9fab5d6e490bc5ecc880cf869d93e010b7df33a303394719d985d00b",
	},
}

// published are signed with other keys at other times.
var published = []struct {
	vector
	access, secret, project, time string
}{
	{
		vector: vector{
			name: "signing guide", method: "GET",
			target: "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0",
			host:   "service.region.example.com",
			header: map[string]string{
				"Authorization": "SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, SignedHeaders=content-type;host;x-sdk-date, Signature=7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
				"Content-Type":  "application/json",
				"X-Sdk-Date":    "20191115T033655Z",
			},
			digest: "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a",
		},
		access: "QTWAOYTTINDUT2QVKYUC", secret: "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc",
		project: "77b6a44cba5143ab91d13ab9a8ff44fd", time: "20191115T033655Z",
	},
	{
		vector: vector{
			name: "image deletion", method: "DELETE",
			target: "/v1/5f0c2a9e4b7d41d0a1c3e5f7090b1d2e/images/5f1f3d0a-92c8-4a58-8a77-6f5c1c0b2d44?force=true",
			host:   "modelarts.example.test",
			header: map[string]string{
				"Authorization": "SDK-HMAC-SHA256 Access=EXAMPLEKEY, SignedHeaders=host;x-project-id;x-sdk-date, Signature=a68bf67ce45c0dd39b3e2a518485dc8213ad79d1daa44a523615c1dcbe238241",
				"X-Project-Id":  "5f0c2a9e4b7d41d0a1c3e5f7090b1d2e",
				"X-Sdk-Date":    "20260501T080000Z",
			},
		},
		access: "EXAMPLEKEY", secret: "example-secret-key", project: "5f0c2a9e4b7d41d0a1c3e5f7090b1d2e", time: "20260501T080000Z",
	},
	{
		vector: vector{
			name: "image registration", method: "POST", target: "/v1/5f0c2a9e4b7d41d0a1c3e5f7090b1d2e/images", host: "modelarts.example.test",
			header: map[string]string{
				"Authorization": "SDK-HMAC-SHA256 Access=EXAMPLEKEY, SignedHeaders=x-project-id;x-sdk-date, Signature=3f6204b1108bef9c0912fe61fbfab84d3fe779a471367df3f428568441383114",
				"Content-Type":  "application/json",
				"X-Project-Id":  "5f0c2a9e4b7d41d0a1c3e5f7090b1d2e",
				"X-Sdk-Date":    "20260501T080000Z",
			},
			body: `{"swr_path":"swr.example.test/vision-team/lab-torch:2.3.1"}` + "\n",
		},
		access: "EXAMPLEKEY", secret: "example-secret-key", project: "5f0c2a9e4b7d41d0a1c3e5f7090b1d2e", time: "20260501T080000Z",
	},
}
